"""What a hostile kernel tries: one piece of code each, which ends in True if it got what it wanted.

`T` is a dictionary with what there is to attack. Each trial is run twice: in a caged kernel, where it must fail, and in
one that is not caged, where it must succeed, or it would prove nothing. Some succeed only for root.
"""

from __future__ import annotations

from typing import NamedTuple

HELP = """
import ctypes, os, signal, socket, struct, subprocess, sys, fcntl, resource, mmap
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def number(x86, arm):
    return x86 if os.uname().machine == "x86_64" else arm
def in_copy(attempt):
    # whether it goes well in a process of its own, since its effects end with that
    if (pid := os.fork()) == 0:
        try:
            attempt()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0
def read(path):
    with open(path, "rb") as file:
        return file.read()
"""


class Trial(NamedTuple):
    code: str
    root: bool = False  # only root can do it, caged or not


TRIALS = {
    # files -------------------------------------------------------------------------------------------------------
    "read the portal's secret key": Trial("T['secret'].encode() in read(T['key'])"),
    "read it through a symbolic link": Trial("os.symlink(T['key'], 'link'); T['secret'].encode() in read('link')"),
    "read it through a hard link": Trial("os.link(T['key'], 'hard'); T['secret'].encode() in read('hard')"),
    "move it into the own folder": Trial(
        "os.rename(T['key'], 'moved'); got = T['secret'].encode() in read('moved'); os.rename('moved', T['key']); got"
    ),
    "read the portal's settings": Trial("b'SECRET_KEY' in read(T['settings'])"),
    "list the portal's data": Trial("len(os.listdir(T['data'])) > 0"),
    "watch the portal's data": Trial(
        "libc.inotify_init1.restype = ctypes.c_int\nfd = libc.inotify_init1(0)\n"
        "fd >= 0 and libc.inotify_add_watch(fd, T['data'].encode(), 0x100) > 0"
    ),
    "read another notebook's file": Trial("b'mine' in read(T['other_file'])"),
    "write another notebook's file": Trial("open(T['other_file'], 'a').close(); True"),
    "read another kernel's temporary files": Trial("os.listdir(T['other_temporary']) is not None"),
    "read the users' passwords": Trial("len(read('/etc/shadow')) > 0", root=True),
    "write a file where everybody may": Trial(
        "import tempfile\nwith tempfile.NamedTemporaryFile(dir=T['open_folder']) as file: pass\nTrue"
    ),
    "delete a file of the portal": Trial("open(T['spare'], 'w').close(); os.unlink(T['spare']); True"),
    "lock everybody out of the portal's files": Trial("os.chmod(T['key'], 0o600); True"),
    "change their times": Trial("os.utime(T['key']); True"),
    "write into the Python installation": Trial(
        "import sysconfig\npath = T['installed'] + '/planted.py'\nopen(path, 'w').close(); os.unlink(path); True"
    ),
    "open a file by its handle": Trial(
        "handle = (ctypes.c_uint32 * 40)(128)\nmount = ctypes.c_int()\n"
        "call(number(303, 264), -100, T['key'].encode(), handle, ctypes.byref(mount), 0)\n"
        "folder = os.open(T['data'], os.O_RDONLY)\n"
        "fd = call(number(304, 265), folder, handle, os.O_RDONLY)\nT['secret'].encode() in os.read(fd, 1000)",
        root=True,
    ),
    "read others' shared memory": Trial("T['secret'].encode() in read(T['shared'])"),
    # processes ---------------------------------------------------------------------------------------------------
    "read the environment of the portal": Trial("T['secret'].encode() in read('/proc/%d/environ' % T['host'])"),
    "read the command that started it": Trial("T['secret'].encode() in read('/proc/%d/cmdline' % T['host'])"),
    "read the memory of the portal": Trial(
        "with open(f\"/proc/{T['host']}/mem\", 'rb', 0) as file:\n"
        "    file.seek(T['address']); got = file.read(len(T['memory']))\ngot == T['memory'].encode()"
    ),
    "read the memory of the portal by a system call": Trial(
        "size = len(T['memory'])\nbuffer = ctypes.create_string_buffer(size)\n"
        "class Vector(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "here, there = Vector(ctypes.addressof(buffer), size), Vector(T['address'], size)\n"
        "call(number(310, 270), T['host'], ctypes.byref(here), 1, ctypes.byref(there), 1, 0)\n"
        "buffer.raw == T['memory'].encode()"
    ),
    "trace the portal": Trial("in_copy(lambda: call(number(101, 117), 0x4206, T['host'], 0, 0))"),
    "trace another kernel": Trial("in_copy(lambda: call(number(101, 117), 0x4206, T['other'], 0, 0))"),
    "see what another kernel has open": Trial("len(os.listdir(f\"/proc/{T['other']}/fd\")) > 0"),
    "take a descriptor of the portal": Trial("call(438, os.pidfd_open(T['host']), 0, 0) >= 0"),
    "signal the portal": Trial("os.kill(T['host'], 0); True"),
    "signal the process that forks kernels": Trial("os.kill(T['zygote'], 0); True"),
    "signal another kernel": Trial("os.kill(T['other'], 0); True"),
    "signal it by a descriptor": Trial("signal.pidfd_send_signal(os.pidfd_open(T['other']), 0); True"),
    "kill a process of the portal's": Trial("os.kill(T['victim'], signal.SIGKILL); True"),
    "have the system kill it": Trial(  # whether it did is seen in the portal
        "a, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_SETOWN, T['witness'])\n"
        "fcntl.fcntl(a, fcntl.F_SETSIG, signal.SIGKILL)\n"
        "fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)\nb.send(b'!') == 1"
    ),
    "limit the portal": Trial("resource.prlimit(T['host'], resource.RLIMIT_CPU, (-1, -1)); True"),
    "slow the portal down": Trial("os.setpriority(os.PRIO_PROCESS, T['host'], 1); True"),
    "bind the portal to one processor": Trial(
        "os.sched_setaffinity(T['host'], os.sched_getaffinity(0)); True"
    ),
    # sockets -----------------------------------------------------------------------------------------------------
    "connect to a socket in the file system": Trial("socket.socket(socket.AF_UNIX).connect(T['listening']); True"),
    "connect to an abstract socket": Trial("socket.socket(socket.AF_UNIX).connect(chr(0) + T['abstract']); True"),
    "send to a socket from one end of a pair": Trial(
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendto(b'!', T['datagrams']) == 1"
    ),
    "ask the system for its network": Trial("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(); True"),
    "read all packets": Trial("socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close(); True", root=True),
    "listen on a port": Trial("socket.socket().bind(('127.0.0.1', 0)); True"),
    # the system --------------------------------------------------------------------------------------------------
    "become root": Trial("os.setresuid(0, 0, 0); True", root=True),
    "make a namespace": Trial("in_copy(lambda: call(number(272, 97), 0x10000000))"),
    "make one by clone": Trial(
        "flags = 0x10000000 | signal.SIGCHLD\npid = call(number(56, 220), flags, 0, 0, 0, 0)\n"
        "if pid == 0: os._exit(0)\nos.waitpid(pid, 0)[1] == 0"
    ),
    "enter the portal's namespace": Trial(
        "fd = os.open(f\"/proc/{T['host']}/ns/net\", os.O_RDONLY)\ncall(number(308, 268), fd, 0) == 0", root=True
    ),
    "mount something": Trial(
        "os.makedirs('here', exist_ok=True)\n"
        "libc.mount(b'tmpfs', b'here', b'tmpfs', 0, None) == 0 and libc.umount2(b'here', 2) == 0", root=True
    ),
    "change the root": Trial("in_copy(lambda: os.chroot('.'))", root=True),
    "use the keys of the portal's user": Trial("call(number(250, 219), 0, -4, 1) > 0"),
    "load something into the system": Trial(
        "call(number(321, 280), 0, (ctypes.c_uint32 * 16)(2, 4, 4, 1), 64) > 0", root=True
    ),
    "make a queue in the system": Trial("call(425, 1, ctypes.create_string_buffer(120)) > 0"),
    "keep memory that belongs to no process": Trial("os.memfd_create('hidden') > 0"),
    "keep memory beyond the own end": Trial(
        "id = call(number(29, 194), 0, 4096, 0o1600)\nlibc.shmctl(id, 0, None); id >= 0"
    ),
    "allow itself more": Trial(
        "resource.setrlimit(resource.RLIMIT_NOFILE, (T['files'] + 1, T['files'] + 1)); True"
    ),
    "be served before others": Trial("os.nice(-1); True", root=True),
}  # fmt: skip
