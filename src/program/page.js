//  The page of zrelay. It asks for the statistics of all relays every second,
//  and computes rates from two answers; it keeps nothing but the token, and that
//  only until the tab is closed.

"use strict";

const EVERY = 1000;             //  Milliseconds between two questions
const DETAILS_EVERY = 5;        //  So many questions between two for details
const SPANS = [60, 300];        //  How far back the graph goes, in seconds: the
                                //  longer one once there is more to show
const ROWS_MAX = 200;           //  Most rows of a table of a kind's counters
const SVG = "http://www.w3.org/2000/svg";

const SIDES = ["frontend", "backend"];
const FLOWS = ["forward", "return"];
const COMMANDS = ["pause", "resume", "drain", "reset"];
//  Counts that every relay has, which have their own places on the page
const KNOWN = new Set(["kind", "name", "state", "uptime_ms", ...SIDES,
                       ...FLOWS]);
const LOOKS = { active: "good", idle: "bad", silent: "bad" };

const relays = new Map();       //  What is known of each, by name
let round = 0;                  //  Questions so far
let lastAnswer = null;          //  When the last answer came


//  --------------------------------------------------------------------------
//  Elements

function element (name, options = {}, ...children) {
    const made = document.createElement (name);
    for (const [key, value] of Object.entries (options))
        made.setAttribute (key, value);
    made.append (...children);
    return made;
}

function drawing (name, options) {
    const made = document.createElementNS (SVG, name);
    for (const [key, value] of Object.entries (options))
        made.setAttribute (key, value);
    return made;
}

//  Text is only replaced where it changes, so that nobody loses a selection

function say (node, text) {
    if (node.textContent !== text)
        node.textContent = text;
}


//  --------------------------------------------------------------------------
//  Numbers for people

function short (number) {
    const units = ["", " k", " M", " G", " T"];
    let unit = 0;
    while (number >= 999.5 && unit < units.length - 1) {
        number /= 1000;
        unit++;
    }
    const digits = unit === 0 && Number.isInteger (number)? 0:
                   number < 9.95? 1: 0;
    return number.toFixed (digits) + units [unit];
}

function perSecond (rate, unit = "") {
    if (rate === null)
        return "–";
    const text = short (rate);
    return (unit && !text.includes (" ")? `${text} `: text) + `${unit}/s`;
}

function duration (msecs) {
    const seconds = Math.floor (msecs / 1000);
    const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const first = parts.findIndex (part => seconds >= part [0]);
    if (first === -1)
        return "0 s";
    return parts.slice (first, first + 2).map (([size, unit], index) =>
        `${Math.floor ((index? seconds % parts [first] [0]: seconds) / size)}`
        + ` ${unit}`).join (" ");
}

//  By how much a count grew in a second, or null: it was reset, or is new

function growth (now, before, seconds) {
    return now >= before && seconds > 0? (now - before) / seconds: null;
}

//  {"a":{"b":1}} becomes [["a.b", 1]]

function flatten (object, prefix = "") {
    return Object.entries (object).flatMap (([key, value]) =>
        typeof value === "object"? flatten (value, `${prefix}${key}.`):
        [[prefix + key, value]]);
}


//  --------------------------------------------------------------------------
//  A relay: the parts of its picture that change

class Relay {
    constructor (name) {
        this.name = name;
        this.before = null;     //  Its last statistics
        this.history = [];      //  Rates, one for each second
        this.parts = {};        //  Elements whose text changes
        this.section = this.build ();
    }

    part (key, name, options = {}) {
        this.parts [key] = element (name, options);
        return this.parts [key];
    }

    build () {
        const id = `relay-${this.name}`;
        return element ("section", { class: "relay", "aria-labelledby": id },
            element ("div", { class: "head" },
                element ("h2", { id }, this.name),
                this.part ("kind", "span", { class: "kind" }),
                this.part ("state", "span", { class: "badge" }),
                this.part ("stall", "span", { class: "badge bad" }),
                this.part ("uptime", "span", { class: "uptime" })),
            this.buildPicture (), this.buildGraph (), this.buildTables (),
            this.buildDetails (), this.buildCommands ());
    }

    buildPicture () {
        const items = [];
        for (const side of SIDES) {
            const peers = element ("li", { class: "box peers" },
                this.part (`${side}.peers`, "strong"),
                this.part (`${side}.peers.word`, "span"));
            const box = element ("li", { class: "box" },
                element ("h3", {}, side),
                this.rate (`${side}.in`, "in", side),
                this.rate (`${side}.out`, "out", side),
                this.rate (`${side}.bytes`, "bytes"));
            items.push (side === "frontend"? [peers, box]: [box, peers]);
        }
        const middle = element ("li", { class: "box middle" },
            element ("h3", {}, "relay"),
            this.rate ("forward.rate", "forward →", "frontend"),
            this.rate ("return.rate", "return ←", "backend"),
            this.rate ("dropped", "dropped"));
        const picture = element ("ol", { class: "picture" });
        for (const item of [...items [0], middle, ...items [1]])
            picture.append (item, element ("li",
                { class: "wire", "aria-hidden": "true" }));
        picture.lastChild.remove ();
        this.backend = [...picture.children].slice (-4);
        return picture;
    }

    rate (key, label, side) {
        const colour = side === undefined? "":
            (side === "frontend") === (label !== "out")? "forward": "return";
        return element ("div", { class: `rate ${colour}` },
            element ("span", {}, label), this.part (key, "span"));
    }

    buildGraph () {
        this.graph = drawing ("svg", {
            class: "graph", role: "img", preserveAspectRatio: "none",
            "aria-label": "messages a second: none yet" });
        return element ("div", {}, this.graph,
            element ("div", { class: "legend" },
                this.part ("most", "span"),
                element ("span", { class: "forward" }, "— forward"),
                element ("span", { class: "return" }, "- - return"),
                element ("span", { class: "bad" }, "■ stalled or dropped"),
                this.part ("span", "span")));
    }

    buildTables () {
        const head = element ("tr", {}, element ("th", { scope: "col" },
            "flow"));
        for (const flow of FLOWS)
            head.append (element ("th", { scope: "col" }, flow));
        this.parts.flows = element ("tbody");
        this.parts.reasons = element ("tbody");
        return element ("div", { class: "tables" },
            element ("div", {}, element ("table", {},
                element ("thead", {}, head), this.parts.flows)),
            element ("div", {}, element ("table", {},
                element ("thead", {}, element ("tr", {},
                    element ("th", { scope: "col" }, "dropped, refused, cut"),
                    element ("th", { scope: "col" }, "number"))),
                this.parts.reasons)));
    }

    buildDetails () {
        this.details = element ("details", {},
            element ("summary", {}, "Peers, endpoints and settings"),
            this.part ("details", "div", { class: "tables" }));
        this.details.addEventListener ("toggle", () => this.showDetails ());
        return this.details;
    }

    buildCommands () {
        this.commands = element ("div", { class: "commands", hidden: "" });
        for (const command of COMMANDS) {
            const button = element ("button", { type: "button",
                "aria-label": `${command} ${this.name}` }, command);
            button.addEventListener ("click", () => this.steer (command));
            this.commands.append (button);
        }
        this.commands.append (this.part ("result", "span",
                                         { role: "status" }));
        return this.commands;
    }

    //  ----------------------------------------------------------------------
    //  What changes every second

    update (stats, steer) {
        this.commands.hidden = !steer;
        const state = stats.state;
        say (this.parts.state, state);
        this.parts.state.className = `badge ${LOOKS [state] || "warn"}`;
        if (state === "silent") {
            this.parts.stall.hidden = true;
            this.before = null;
            return;
        }
        const before = this.before || {};
        const seconds = (stats.uptime_ms - (before.uptime_ms || 0)) / 1000;
        this.before = stats;
        say (this.parts.kind, stats.kind);
        say (this.parts.uptime, `up ${duration (stats.uptime_ms)}`);
        const held = FLOWS.reduce ((sum, flow) =>
            sum + (stats [flow]? stats [flow].held: 0), 0);
        this.parts.stall.hidden = held === 0;
        say (this.parts.stall, `${held} held`);
        for (const side of SIDES)
            this.updateSide (side, stats, before, seconds);
        this.updateFlows (stats, before, seconds);
        this.updateReasons (stats);
        this.own = flatten (Object.fromEntries (Object.entries (stats)
            .filter (([key]) => !KNOWN.has (key))));
        if (this.details.open && round % DETAILS_EVERY === 0)
            this.showDetails ();
    }

    updateSide (side, stats, before, seconds) {
        const now = stats [side];
        if (side === "backend")
            for (const item of this.backend)
                item.hidden = !now;
        if (!now)
            return;
        const then = before [side] || { in: {}, out: {} };
        for (const way of ["in", "out"])
            say (this.parts [`${side}.${way}`], perSecond (growth (
                now [way].messages, then [way].messages, seconds)));
        say (this.parts [`${side}.bytes`], perSecond (growth (
            now.in.bytes + now.out.bytes, then.in.bytes + then.out.bytes,
            seconds), "B"));
        say (this.parts [`${side}.peers`], short (now.peers));
        say (this.parts [`${side}.peers.word`],
             now.peers === 1? "peer": "peers");
    }

    updateFlows (stats, before, seconds) {
        const rows = { "stalled now": [], stalls: [], "time stalled": [],
                       held: [], "held longer than 10 ms": [], dropped: [] };
        const rates = FLOWS.map ((flow, index) => {
            const to = stats [SIDES [1 - index]] || stats [SIDES [index]];
            const then = before [SIDES [1 - index]]
                      || before [SIDES [index]] || { out: {} };
            return growth (to.out.messages, then.out.messages, seconds);
        });
        let trouble = 0;
        for (const flow of FLOWS) {
            const now = stats [flow];
            if (!now)
                continue;
            const then = before [flow] || {};
            const stalled = growth (now.stalled_ms, then.stalled_ms, seconds);
            const share = Math.min ((stalled || 0) / 1000, 1);
            const dropped = growth (now.dropped, then.dropped, seconds) || 0;
            trouble = Math.max (trouble, share, dropped > 0? 1: 0);
            rows ["stalled now"].push (`${Math.round (100 * share)} %`);
            rows.stalls.push (short (now.stalls));
            rows ["time stalled"].push (duration (now.stalled_ms));
            rows.held.push (short (now.held));
            rows ["held longer than 10 ms"].push (
                short (now.holds - now.holds_within_10));
            rows.dropped.push (short (now.dropped));
        }
        const drops = FLOWS.map (flow => growth (
            (stats [flow] || {}).dropped, (before [flow] || {}).dropped,
            seconds) || 0);
        say (this.parts ["forward.rate"], perSecond (rates [0]));
        say (this.parts ["return.rate"], perSecond (rates [1]));
        say (this.parts.dropped, perSecond (drops [0] + drops [1]));
        this.parts.dropped.parentNode.classList.toggle (
            "bad", drops [0] + drops [1] > 0);
        this.fill (this.parts.flows, Object.entries (rows));
        this.draw (rates, trouble);
    }

    updateReasons (stats) {
        const rows = [];
        for (const place of [...FLOWS, ...SIDES])
            for (const [name, value] of Object.entries (stats [place] || {}))
                if (value > 0 && /^(dropped|handshakes_failed|cut)_/
                                 .test (name))
                    rows.push ([`${place} ${name.replace (/_/g, " ")}`,
                                [short (value)]]);
        this.fill (this.parts.reasons,
                   rows.length? rows: [["nothing", ["0"]]]);
    }

    //  Rows of a heading and cells

    fill (body, rows) {
        while (body.rows.length > rows.length)
            body.deleteRow (-1);
        rows.forEach (([heading, cells], index) => {
            let row = body.rows [index];
            if (!row || row.cells.length !== cells.length + 1) {
                if (row)
                    row.remove ();
                row = element ("tr", {},
                    element ("th", { scope: "row" }),
                    ...cells.map (() => element ("td")));
                body.insertBefore (row, body.rows [index] || null);
            }
            say (row.cells [0], heading);
            cells.forEach ((cell, place) =>
                say (row.cells [place + 1], cell));
        });
    }

    //  ----------------------------------------------------------------------
    //  The graph

    draw (rates, trouble) {
        //  The first answer has nothing to be compared with
        if (rates [0] === null)
            return;
        this.history.push ([rates [0], rates [1] || 0, trouble]);
        const longest = SPANS [SPANS.length - 1];
        if (this.history.length > longest)
            this.history.shift ();
        const span = SPANS.find (seconds => this.history.length <= seconds);
        const most = Math.max (1, ...this.history.map (
            point => Math.max (point [0], point [1])));
        const start = span - this.history.length;
        const shapes = FLOWS.map ((flow, index) => drawing ("polyline", {
            class: flow,
            points: this.history.map ((point, place) => `${start + place},`
                + (98 - 92 * point [index] / most).toFixed (1)).join (" ")
        }));
        this.history.forEach ((point, place) => {
            if (point [2] > 0)
                shapes.unshift (drawing ("rect", {
                    x: start + place, y: 94, width: 1, height: 6 }));
        });
        this.graph.replaceChildren (...shapes);
        this.graph.setAttribute ("viewBox", `0 0 ${span} 100`);
        this.graph.setAttribute ("aria-label", `messages a second: forward`
            + ` ${perSecond (rates [0])}, return ${perSecond (rates [1])},`
            + ` at most ${perSecond (most)} in the last minutes`);
        say (this.parts.span, span > 60? `the last ${span / 60} minutes`:
             "the last minute");
        say (this.parts.most, `messages a second, at most ${short (most)}`);
    }

    //  ----------------------------------------------------------------------
    //  Details, which are asked for only while they are shown

    async showDetails () {
        if (!this.details.open)
            return;
        let found;
        try {
            found = await ask (`relays/${this.name}.json`);
        }
        catch (error) {
            say (this.parts.details, error.message);
            return;
        }
        const tables = [];
        for (const side of SIDES)
            if (found [side])
                tables.push (this.list (side, found [side]));
        tables.push (this.table ("settings", found.settings.map (
            ([whose, name, value]) => [`${whose} ${name}`, value])));
        if (this.own.length)
            tables.push (this.table ("counters of its kind",
                                     this.own.slice (0, ROWS_MAX)));
        this.parts.details.replaceChildren (...tables);
    }

    list (side, found) {
        const more = found.count - found.peers.length;
        return this.table (side, [
            ...found.endpoints.map (endpoint => ["endpoint", endpoint]),
            ["peers", String (found.count)],
            ...found.peers.map (peer => ["peer", peer]),
            ...(more > 0? [["and", `${more} more`]]: [])]);
    }

    table (caption, rows) {
        const body = element ("tbody");
        for (const [heading, value] of rows)
            body.append (element ("tr", {},
                element ("th", { scope: "row" }, heading),
                element ("td", {}, String (value))));
        return element ("div", {}, element ("h3", {}, caption),
                        element ("table", {}, body));
    }

    //  ----------------------------------------------------------------------
    //  Commands

    async steer (command) {
        const token = document.getElementById ("token").value;
        say (this.parts.result, token? `${command} …`:
             "steering needs the token");
        if (!token)
            return;
        try {
            const answer = await fetch (`relays/${this.name}/${command}`, {
                method: "POST", headers: { Authorization: `Bearer ${token}` }
            });
            say (this.parts.result,
                 `${command}: ${(await answer.text ()).trim ()}`);
        }
        catch (error) {
            say (this.parts.result, `${command}: ${error.message}`);
        }
    }
}


//  --------------------------------------------------------------------------
//  All relays

async function ask (path) {
    const answer = await fetch (path, { cache: "no-store" });
    if (!answer.ok)
        throw new Error (await answer.text ());
    return answer.json ();
}

function show (answer) {
    const names = new Set (answer.relays.map (stats => stats.name));
    for (const [name, relay] of relays)
        if (!names.has (name)) {
            relay.section.remove ();
            relays.delete (name);
        }
    const main = document.getElementById ("relays");
    for (const stats of answer.relays) {
        if (!relays.has (stats.name)) {
            const relay = new Relay (stats.name);
            relays.set (stats.name, relay);
            main.append (relay.section);
        }
        relays.get (stats.name).update (stats, answer.steer);
    }
    document.getElementById ("steer").hidden = !answer.steer;
}

//  Read aloud where it changes, so it says nothing that changes every second

function summarize (answer) {
    const count = answer.relays.length;
    const states = {};
    for (const stats of answer.relays)
        states [stats.state] = (states [stats.state] || 0) + 1;
    return `${count} ${count === 1? "relay": "relays"}: `
        + Object.entries (states).map (([state, number]) =>
            count === 1? state: `${number} ${state}`).join (", ");
}

async function refresh () {
    const summary = document.getElementById ("summary");
    try {
        const answer = await ask ("stats.json");
        round++;
        lastAnswer = new Date ();
        show (answer);
        summary.className = "";
        say (summary, summarize (answer));
    }
    catch (error) {
        summary.className = "lost";
        say (summary, lastAnswer?
             `No answer since ${lastAnswer.toLocaleTimeString ()}`:
             "No answer");
    }
    setTimeout (refresh, EVERY);
}

const token = document.getElementById ("token");
token.value = sessionStorage.getItem ("token") || "";
token.addEventListener ("input",
    () => sessionStorage.setItem ("token", token.value));
document.getElementById ("steer").addEventListener ("submit",
    event => event.preventDefault ());
refresh ();
