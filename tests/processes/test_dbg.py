import asyncio, signal, logging, subprocess, sys
from tests.processes.conftest import *
from tests.support import portal as pm
async def test_x(world, launch, join, monkeypatch):
    alone = launch()
    code = """
import notebookproject.launch as l
import django
old = django.setup
done = []
def setup(**k):
    old(**k)
    if done: return
    done.append(1)
    import logging, sys
    import notebooks_app.live.hub as hub
    async def _close(socket, code, reason):
        try:
            print('closing', socket.id, code, file=sys.stderr)
            await socket.close(code, reason)
            print('closed', file=sys.stderr)
        except BaseException as e:
            import traceback; traceback.print_exc()
    hub._close = _close
    from daphne.ws_protocol import WebSocketProtocol as W
    o = W.sendClose
    def sc(self, *a, **k):
        print('sendClose', self.state, a, k, file=sys.stderr)
        r = o(self, *a, **k)
        print('sent', self.state, file=sys.stderr)
        return r
    W.sendClose = sc
    oc = W.connectionLost
    def cl(self, reason):
        import traceback
        print('lost', reason, file=sys.stderr); traceback.print_stack()
        return oc(self, reason)
    W.connectionLost = cl
    oh = hub.Hub.stop
    async def st(self, *a):
        print('hub.stop', self.sockets, file=sys.stderr)
        return await oh(self, *a)
    hub.Hub.stop = st
django.setup = setup
l.main()
"""
    orig = subprocess.Popen
    def P(args, **k):
        if args[-1] == "notebookproject.launch": args = [sys.executable, "-c", code]
        return orig(args, **k)
    monkeypatch.setattr(pm.subprocess, "Popen", P)
    alone.start()
    monkeypatch.undo()
    notebook = world.notebook("x = 1\nx")
    c = await join(alone, notebook)
    await asyncio.to_thread(alone.stop, signal.SIGTERM)
    await c.wait(lambda: c.closed is not None)
    print(c.closed, alone.said)
    assert 0
