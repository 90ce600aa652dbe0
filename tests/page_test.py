#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The page that --metrics serves, in a real browser: its numbers are those of
the relay, it steers with the token, and it can be read in the dark, on a phone
and by a screen reader.

With ZRELAY_SCREENSHOTS, the name of a folder, it leaves pictures there."""

import contextlib
import json
import os
import re
import threading

import zmq

from http_testing import TOKEN, find_program, http_test, serving, sockets, \
    steerable
from zrelay_testing import DEADLINE, Skip, equal, main, temp_dir, wait_until

WIDE, PHONE = (1100, 900), (360, 740)
SCREENSHOTS = os.environ.get("ZRELAY_SCREENSHOTS")


@contextlib.contextmanager
def browser(url, size=WIDE, dark=False):
    """A browser that shows a page."""
    for program, package in (("chromium", "chromium"),
                             ("chromedriver", "chromium-driver")):
        find_program(program, package)
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        raise Skip("no python3-selenium") from None
    with temp_dir() as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = find_program("chromium", "chromium")
        #   Chromium's sandbox does not work for root, nor in most containers
        for argument in ("headless=new", "no-sandbox", "disable-gpu",
                         "disable-dev-shm-usage", "no-first-run",
                         "disable-background-networking",
                         "disable-component-update",
                         "user-data-dir=" + folder):
            options.add_argument("--" + argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(
            service=Service(find_program("chromedriver", "chromium-driver")),
            options=options)
        try:
            driver.set_page_load_timeout(DEADLINE)
            look(driver, size, dark)
            driver.get(url)
            wait_until(lambda: driver.find_elements("class name", "relay"),
                       what="relays on the page")
            yield driver
        finally:
            driver.quit()


def look(driver, size, dark):
    """How large the screen is, and what colours its user likes."""
    width, height = size
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1,
        "mobile": False})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme",
         "value": "dark" if dark else "light"}]})


def picture(driver, name):
    if SCREENSHOTS:
        driver.save_screenshot(os.path.join(SCREENSHOTS, name + ".png"))


def table(driver):
    """The rows of all tables: lists of cells, by their headings."""
    return driver.execute_script("""
        const rows = {};
        for (const row of document.querySelectorAll (".relay tr"))
            rows [row.cells [0].textContent] = [...row.cells].slice (1)
                .map (cell => cell.textContent);
        return rows;""")


def boxes(driver):
    """The texts of the picture's boxes."""
    return driver.execute_script("""
        return [...document.querySelectorAll (".box")]
            .filter (box => box.offsetParent)
            .map (box => box.innerText.replace (/\\s+/g, " "));""")


def text_of(driver, selector):
    return driver.find_element("css selector", selector).text


def complaints(driver):
    """What the browser says about the page."""
    return [entry["message"] for entry in driver.get_log("browser")]


class Traffic:
    """Messages through a streamer, until the end: about so many a second."""

    def __init__(self, source, sink, pause=0.01):
        self.source, self.sink, self.pause = source, sink, pause
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ends.wait(self.pause):
            self.source.send(b"x" * 100)
            self.sink.recv()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.ends.set()
        self.thread.join()


@http_test("the page shows the relay's numbers, while traffic flows and while"
           " it stalls", deadline=3 * DEADLINE)
def _():
    with steerable("-n", "orders") as (relay, server), sockets(
            (zmq.PUSH, relay.frontend)) as (source,), \
            browser(server.url) as driver:
        equal(text_of(driver, "#summary"), "1 relay: active", "summary")
        equal(text_of(driver, "h2"), "orders", "name")
        assert "NaN" not in driver.find_element("tag name", "main").text
        with sockets((zmq.PULL, relay.backend)) as (sink,):
            with Traffic(source, sink):
                #   It says what STATS says: some rate, and one peer each
                def flows():
                    seen = boxes(driver)
                    return (seen[0] == "1 peer" and seen[4] == "1 peer"
                            and re.search(r"in [1-9][\d.]*/s", seen[1])
                            and re.search(r"out [1-9][\d.]*/s", seen[3])
                            and seen)
                seen = wait_until(flows, what="rates on the page")
                rate = float(re.search(r"in ([\d.]+)/s", seen[1]).group(1))
                before = server.sample("zrelay_messages_total",
                                       side="frontend", direction="in")
                assert 0 < rate < 200, rate
                #   Enough for a graph
                wait_until(lambda: driver.execute_script(
                    "return document.querySelector ('polyline').points"
                    ".numberOfItems") >= 3, what="graph")
            assert before > 0
        #   Nobody takes what comes now, when the relay knows that
        wait_until(lambda: server.sample("zrelay_peers", side="backend") == 0,
                   what="the end of the connection")
        source.send(b"held")
        wait_until(lambda: table(driver).get("held") == ["1", "0"],
                   what="a held message")
        wait_until(lambda: table(driver)["stalled now"][0] == "100 %",
                   what="a stall")
        equal(text_of(driver, ".badge.bad"), "1 held", "badge")
        stats = json.loads(server.get("/stats.json"))["relays"][0]
        rows = table(driver)
        for row, name in (("stalls", "stalls"), ("dropped", "dropped")):
            equal(rows[row], [str(stats[flow][name])
                              for flow in ("forward", "return")], row)
        picture(driver, "stalled")
        equal(complaints(driver), [], "complaints")


@http_test("details: peers by address, endpoints and settings")
def _():
    with serving("balancer", "-o", "relay.retries=7") as (relay, server), \
            sockets((zmq.DEALER, relay.frontend)), \
            browser(server.url) as driver:
        driver.find_element("tag name", "summary").click()
        rows = wait_until(lambda: "relay retries" in table(driver)
                          and table(driver), what="settings")
        equal(rows["relay retries"], ["7"], "a setting")
        assert rows["peer"][0].find("127.0.0.1") >= 0, rows["peer"]
        endpoints = driver.execute_script("""
            return [...document.querySelectorAll ("details tr")]
                .filter (row => row.cells [0].textContent === "endpoint")
                .map (row => row.cells [1].textContent);""")
        equal(endpoints, [relay.frontend, relay.backend], "endpoints")
        picture(driver, "details")
        equal(complaints(driver), [], "complaints")


@http_test("the page steers with the token, and says why it does not without")
def _():
    with steerable() as (_relay, server), browser(server.url) as driver:
        def press(name):
            driver.find_element(
                "css selector", "button[aria-label='%s streamer']" % name
            ).click()

        def result():
            return text_of(driver, ".commands [role=status]")
        press("pause")
        wait_until(lambda: result() == "steering needs the token")
        token = driver.find_element("id", "token")
        token.send_keys("wrong")
        press("pause")
        wait_until(lambda: "needs the token of" in result())
        equal(server.state(), "active", "state")
        token.clear()
        token.send_keys(TOKEN)
        press("pause")
        wait_until(lambda: result() == "pause: done")
        wait_until(lambda: text_of(driver, ".badge") == "paused")
        equal(server.state(), "paused", "state")
        press("resume")
        wait_until(lambda: text_of(driver, ".badge") == "active")
        #   Another one steers at the same time, and the page shows it
        equal(server.steer("pause")[0], 200, "pause")
        wait_until(lambda: text_of(driver, ".badge") == "paused")


@http_test("without --metrics-steer there is nothing to press, and a relay that"
           " has gone is not shown as if it were there")
def _():
    with serving("majordomo") as (relay, server), \
            browser(server.url) as driver:
        equal([button for button
               in driver.find_elements("tag name", "button")
               if button.is_displayed()], [], "buttons")
        equal(len(boxes(driver)), 3, "boxes of a relay with one side")
        equal(complaints(driver), [], "complaints")
        relay.kill()
        wait_until(lambda: text_of(driver, "#summary")
                   .startswith("No answer since"), what="the summary")


CONTRAST = """
    const luminance = colour => {
        const parts = colour.match (/[\\d.]+/g).slice (0, 3).map (part => {
            part /= 255;
            return part <= .04045? part / 12.92:
                   Math.pow ((part + .055) / 1.055, 2.4);
        });
        return .2126 * parts [0] + .7152 * parts [1] + .0722 * parts [2];
    };
    const back = getComputedStyle (document.querySelector (".relay"))
        .backgroundColor;
    let least = 21;
    for (const node of document.querySelectorAll (".relay *")) {
        if (!node.offsetParent || !node.textContent.trim ())
            continue;
        const one = luminance (back);
        const two = luminance (getComputedStyle (node).color);
        least = Math.min (least, (Math.max (one, two) + .05)
                               / (Math.min (one, two) + .05));
    }
    return least;"""


@http_test("it can be read in the light, in the dark and on a phone",
           deadline=3 * DEADLINE)
def _():
    with steerable("-n", "orders") as (relay, server), sockets(
            (zmq.PUSH, relay.frontend), (zmq.PULL, relay.backend)) as pair, \
            Traffic(*pair), browser(server.url) as driver:
        if SCREENSHOTS:
            wait_until(lambda: driver.execute_script(
                "return document.querySelector ('polyline').points"
                ".numberOfItems") >= 20, what="graph")
        colours = set()
        for name, size, dark in (("light", WIDE, False), ("dark", WIDE, True),
                                 ("phone", PHONE, False),
                                 ("phone-dark", PHONE, True)):
            look(driver, size, dark)
            colours.add(driver.execute_script(
                "return getComputedStyle (document.body).backgroundColor"))
            #   WCAG 2.1, AA: text has a contrast of 4.5 at least
            contrast = driver.execute_script(CONTRAST)
            assert contrast >= 4.5, "%s: contrast %.1f" % (name, contrast)
            assert driver.execute_script(
                "return document.documentElement.scrollWidth") <= size[0], \
                "%s: wider than the screen" % name
            picture(driver, name)
        equal(len(colours), 2, "colours")


@http_test("a screen reader finds names for everything, and is not flooded")
def _():
    with steerable("-n", "orders") as (_relay, server), \
            browser(server.url) as driver:
        wait_until(lambda: driver.find_elements("css selector", "polyline"),
                   what="the graph")
        tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
        nodes = [(node["role"]["value"], node.get("name", {}).get("value"))
                 for node in tree["nodes"]
                 if not node["ignored"] and "role" in node]
        names = dict(nodes)
        roles = [role for role, _name in nodes]
        for role in ("button", "textbox", "image", "region", "heading",
                     "rowheader", "columnheader"):
            assert role in roles, role
        for role, name in nodes:
            if role in ("button", "textbox", "image", "region", "link"):
                assert name, role
        assert names["image"].startswith("messages a second: forward")
        equal(driver.find_element("tag name", "html").get_attribute("lang"),
              "en", "language")
        #   What is read aloud by itself changes with the state only
        seen = driver.execute_script("""
            return [...document.querySelectorAll ("[role=status]")]
                .map (node => node.textContent);""")
        equal(seen, ["1 relay: active", ""], "what is read aloud")


if __name__ == "__main__":
    main()
