// The editor bundle: one CodeMirror 6 editor per cell, with collaboration and remote cursors.
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
  completionStatus,
} from "@codemirror/autocomplete";
import {
  collab,
  getClientID,
  getSyncedVersion,
  receiveUpdates,
  sendableUpdates,
} from "@codemirror/collab";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { markdown } from "@codemirror/lang-markdown";
import { python } from "@codemirror/lang-python";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { closeSearchPanel, highlightSelectionMatches, searchKeymap, searchPanelOpen } from "@codemirror/search";
import { Annotation, ChangeSet, Compartment, EditorState, Prec, StateEffect, StateField, Text } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  WidgetType,
  drawSelection,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags as t } from "@lezer/highlight";

const colours = HighlightStyle.define([
  { tag: [t.keyword, t.operatorKeyword, t.modifier], color: "var(--code-keyword)" },
  { tag: [t.string, t.special(t.string), t.regexp], color: "var(--code-string)" },
  { tag: [t.number, t.bool, t.null], color: "var(--code-number)" },
  { tag: [t.comment, t.meta], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [t.function(t.variableName), t.function(t.definition(t.variableName))], color: "var(--code-function)" },
  { tag: [t.className, t.typeName], color: "var(--code-type)" },
  { tag: t.heading, fontWeight: "700" },
  { tag: t.strong, fontWeight: "700" },
  { tag: t.emphasis, fontStyle: "italic" },
  { tag: [t.link, t.url], color: "var(--code-function)" },
]);

const look = EditorView.theme({
  "&": { fontSize: "var(--code-size)", backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "transparent", border: "none", color: "var(--faint)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--active-line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--selection)",
  },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--line)", color: "var(--text)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-matchingBracket": { backgroundColor: "transparent", outline: "none" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selection)" },
});

// marks what came from the server: it is not typing
const remote = Annotation.define();

function languageOf(type) {
  if (type === "sql") return sql({ dialect: PostgreSQL });
  return type === "markdown" ? markdown() : python();
}

const completionKeys = completionKeymap.filter((binding) => binding.key !== "Escape");

/** Escape closes a list or a panel that is to be seen; otherwise it leaves the editor, however fast one typed. */
function closeWhatIsOpen(view) {
  if (completionStatus(view.state) === "active") return closeCompletion(view);
  return searchPanelOpen(view.state) && closeSearchPanel(view);
}

// Where the others are ------------------------------------------------------------------------------------------

const setPeers = StateEffect.define();

class Caret extends WidgetType {
  constructor(name, hue) {
    super();
    this.name = name;
    this.hue = hue;
  }
  eq(other) {
    return other.name === this.name && other.hue === this.hue;
  }
  toDOM() {
    const caret = document.createElement("span");
    caret.className = "peer-caret";
    caret.style.setProperty("--hue", this.hue);
    caret.dataset.name = this.name;
    caret.setAttribute("aria-hidden", "true");
    return caret;
  }
  ignoreEvent() {
    return true;
  }
}

const peers = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    let next = value.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setPeers)) next = decorate(effect.value, transaction.state.doc.length);
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function decorate(people, length) {
  const marks = [];
  for (const { name, hue, anchor, head } of people) {
    const from = Math.min(anchor, head, length);
    const to = Math.min(Math.max(anchor, head), length);
    if (to > from) {
      const style = `background-color: hsl(${hue} 80% 60% / 0.25)`;
      marks.push(Decoration.mark({ attributes: { style } }).range(from, to));
    }
    marks.push(Decoration.widget({ widget: new Caret(name, hue), side: 1 }).range(Math.min(head, length)));
  }
  return Decoration.set(marks, true);
}

// One editor ----------------------------------------------------------------------------------------------------

export class CellEditor {
  constructor({ parent, code, type, version, clientId, readOnly, label, keys, onEdit, onSelect, onFocus, onBlur }) {
    this.language = new Compartment();
    this.access = new Compartment();
    this.collaboration = new Compartment();
    this.clientId = clientId;
    this.base = Text.of(code.split("\n"));
    const listener = EditorView.updateListener.of((update) => {
      if (update.docChanged && !update.transactions.every((each) => each.annotation(remote))) onEdit();
      if (update.selectionSet || update.docChanged) onSelect(update.state.selection.main);
      if (update.focusChanged) (update.view.hasFocus ? onFocus : onBlur)();
    });
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: code,
        extensions: [
          Prec.highest(keymap.of([{ key: "Escape", run: closeWhatIsOpen }, ...completionKeys])),
          keymap.of(keys),
          keymap.of([...closeBracketsKeymap, ...searchKeymap, ...historyKeymap]),
          keymap.of([...defaultKeymap, indentWithTab]),
          lineNumbers(),
          highlightSpecialChars(),
          history(),
          drawSelection(),
          EditorState.allowMultipleSelections.of(true),
          indentUnit.of("    "),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          autocompletion({ defaultKeymap: false }),
          highlightActiveLine(),
          highlightSelectionMatches(),
          syntaxHighlighting(colours),
          look,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          this.language.of(languageOf(type)),
          this.access.of([EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)]),
          this.collaboration.of(collab({ startVersion: version, clientID: clientId })),
          peers,
          listener,
        ],
      }),
    });
  }

  get code() {
    return this.view.state.doc.toString();
  }

  get version() {
    return getSyncedVersion(this.view.state);
  }

  get unsent() {
    return sendableUpdates(this.view.state).length > 0;
  }

  /** The changes to send, at the version that they were made at; null if there are none. */
  outgoing() {
    const updates = sendableUpdates(this.view.state);
    if (!updates.length) return null;
    return { version: this.version, changes: updates.map((update) => update.changes.toJSON()) };
  }

  /** Take in what the server says: change sets in order, our own among them. */
  receive(updates) {
    const parsed = updates.map(({ clientId, changes }) => ({
      clientID: clientId,
      changes: ChangeSet.fromJSON(changes),
    }));
    let confirmed = this.base;
    for (const update of parsed) confirmed = update.changes.apply(confirmed);
    this.view.dispatch(receiveUpdates(this.view.state, parsed), { annotations: remote.of(true) });
    this.base = confirmed;
  }

  /** The server's text as a whole: what differs from the text that we last agreed on is one change of another's. */
  replace(code, version) {
    const change = difference(this.base, code);
    const steps = version - this.version;
    if (steps === 1) {
      this.receive([{ clientId: "", changes: change.toJSON() }]);
      return;
    }
    this.reset(code, version, change);
  }

  /** Begin again at another version, keeping what was typed here and not sent. */
  reset(code, version, change = difference(this.base, code)) {
    const mine = sendableUpdates(this.view.state).map((update) => update.changes);
    const agreed = Text.of(code.split("\n"));
    const own = mine.length ? mine.reduce((all, each) => all.compose(each)).map(change) : null;
    const doc = own ? own.apply(agreed) : agreed;
    const now = this.view.state.doc;
    this.view.dispatch({
      effects: this.collaboration.reconfigure([]),
      changes: doc.eq(now) ? [] : minimal(now, doc),
      annotations: remote.of(true),
    });
    // the collaboration begins at the agreed text, so that our own changes are sent again
    if (own && !doc.eq(agreed)) {
      this.view.dispatch({ changes: minimal(doc, agreed), annotations: remote.of(true) });
    }
    this.view.dispatch({
      effects: this.collaboration.reconfigure(collab({ startVersion: version, clientID: this.clientId })),
    });
    this.base = agreed;
    if (own && !doc.eq(agreed)) this.view.dispatch({ changes: minimal(agreed, doc) });
  }

  setType(type) {
    this.view.dispatch({ effects: this.language.reconfigure(languageOf(type)) });
  }

  setPeers(people) {
    this.view.dispatch({ effects: setPeers.of(people) });
  }

  focus() {
    this.view.focus();
  }

  get hasFocus() {
    return this.view.hasFocus;
  }

  /** Put the cursor at the first or last line. */
  enter(place) {
    const position = place === "end" ? this.view.state.doc.length : 0;
    this.view.dispatch({ selection: { anchor: position } });
    this.view.focus();
  }

  atEdge(direction) {
    const { doc, selection } = this.view.state;
    if (!selection.main.empty) return false;
    const line = doc.lineAt(selection.main.head).number;
    return direction < 0 ? line === 1 : line === doc.lines;
  }

  destroy() {
    this.view.destroy();
  }
}

function minimal(from, to) {
  const before = from.toString();
  const after = to.toString();
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

function difference(base, code) {
  const change = minimal(base, Text.of(code.split("\n")));
  return ChangeSet.of(change, base.length);
}

export { getClientID };
