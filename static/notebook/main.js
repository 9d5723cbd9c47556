// The page of one notebook: what happens on it is wired together here.
import { startCells } from "./cells.js";
import { startEditors } from "./editors.js";
import { startFrames } from "./frames.js";
import { startKeyboard } from "./keyboard.js";
import { startNotebook } from "./notebook.js";
import { startPlots } from "./plots.js";
import { startPresence } from "./presence.js";
import { startSocket } from "./socket.js";
import { startStatus } from "./status.js";

startSocket();
startCells();
startEditors();
startNotebook();
startPresence();
startKeyboard();
startStatus();
startFrames();
startPlots();
