#!/usr/bin/env python3
"""replay.py PORT CAPTURE...: does to a Mesos on 127.0.0.1:PORT what the recorded driver did, and compares.

Every recorded call is sent with the ids of this run in place of the recorded ones; every recorded
event must come, in the recorded order for each task, operation and agent, equal but for ids and times.
Prints each difference and ends with status 1 when there was one. Agents are matched by host name.
Several captures are several schedulers of one run, merged by time. What the driver did outside the
scheduler API (an agent or the master killed) is asked of dse-local by its commands.
"""
import http.client
import json
import queue
import re
import sys
import threading
import time

PATIENCE = 8.0
VOLATILE = {"timestamp", "uuid", "executor_pid", "container_id", "network_infos", "Date",
            "unreachable_time"}
# Words of a note, and what stands for it here.
COMMANDS = [
    ("agent2 process killed", "agent-down", "agent2"),
    ("agent2 comes back", "agent-up", "agent2"),
    ("operator marks agent2 gone", "agent-gone", "agent2"),
    ("master killed", "failover", ""),
]


class Stream:
    """A subscription; its events arrive in self.events."""

    def __init__(self, port, call):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.connection.request("POST", "/api/v1/scheduler", json.dumps(call), {
            "Content-Type": "application/json", "Accept": "application/json"})
        self.response = self.connection.getresponse()
        self.id = self.response.getheader("Mesos-Stream-Id")
        self.events = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while True:
                length = b""
                while not length.endswith(b"\n"):
                    byte = self.response.read(1)
                    if not byte:
                        raise EOFError
                    length += byte
                data = b""
                while len(data) < int(length):
                    data += self.response.read(int(length) - len(data))
                self.events.put(json.loads(data))
        except (EOFError, OSError, http.client.HTTPException):
            self.events.put({"type": "CLOSED"})


def plain(value):
    """Without what differs between two runs; presence of volatile members is not compared."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return value


def amounts(resources):
    """Resources as a multiset: {identity: amount}; ranges become sets of numbers."""
    total = {}
    for resource in resources:
        identity = {k: v for k, v in resource.items() if k not in ("scalar", "ranges")}
        key = json.dumps(identity, sort_keys=True)
        if "scalar" in resource:
            total[key] = round(total.get(key, 0) + resource["scalar"]["value"], 3)
        else:
            numbers = total.setdefault(key, set())
            for r in resource["ranges"]["range"]:
                numbers.update(range(r["begin"], r["end"] + 1))
    return total


class Replay:
    ids = {}        # recorded text: text of this run; shared by all schedulers
    offers = {}     # recorded offer id: offer ids of this run
    failures = 0

    def __init__(self, port, name, lines):
        self.port = port
        self.name = name
        self.lines = lines
        self.at = 0         # the present line
        self.stream = None
        self.override = None
        self.answer = None
        self.pending = []   # events of this run that were not asked for yet

    def fail(self, text):
        Replay.failures += 1
        print(f"{self.name}:{self.at + 1}: {text}")

    def translate(self, value):
        if isinstance(value, dict):
            out = {}
            for key, item in value.items():
                if key == "offer_ids":
                    out[key] = [{"value": live} for offer in item
                                for live in self.offers.get(offer["value"], [offer["value"]])]
                else:
                    out[key] = self.translate(item)
            return out
        if isinstance(value, list):
            return [self.translate(v) for v in value]
        if isinstance(value, str):
            for old, new in self.ids.items():
                if old in value:
                    value = value.replace(old, new)
        return value

    def take(self, wanted, patience=PATIENCE):
        """The first event that wanted() accepts, leaving the others in place; None when none comes."""
        end = time.monotonic() + patience
        while True:
            for i, event in enumerate(self.pending):
                if wanted(event):
                    return self.pending.pop(i)
            try:
                self.pending.append(self.stream.events.get(timeout=max(0, end - time.monotonic())))
            except queue.Empty:
                return None

    # ---- what a recorded line asks for ----

    def call(self, call):
        call = self.translate(call)
        if call["type"] == "SUBSCRIBE":
            self.pending = []
            self.stream = Stream(self.port, call)
            return self.stream.response.status, ""
        headers = {"Content-Type": "application/json"}
        if self.stream_id():
            headers["Mesos-Stream-Id"] = self.stream_id()
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/api/v1/scheduler", json.dumps(call), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def stream_id(self):
        return self.override if self.override is not None else self.stream.id

    def compare(self, what, got, want):
        got, want = plain(got), plain(self.translate(want))
        if got != want:
            self.fail(f"{what}\n  wanted {json.dumps(want)}\n  got    {json.dumps(got)}")

    def event(self, event):
        getattr(self, "on_" + event["type"].lower(), self.on_other)(event)

    def on_heartbeat(self, event):
        pass

    def on_subscribed(self, event):
        live = self.take(lambda e: e["type"] == "SUBSCRIBED")
        if not live:
            return self.fail("no SUBSCRIBED")
        old, new = event["subscribed"], live["subscribed"]
        self.ids[old["framework_id"]["value"]] = new["framework_id"]["value"]
        if old["heartbeat_interval_seconds"] != new["heartbeat_interval_seconds"]:
            self.fail("another heartbeat interval")

    def on_offers(self, event):
        for offer in event["offers"]["offers"]:
            self.one_offer(offer)

    def one_offer(self, offer):
        """One recorded offer may have come as several here, as agents give back in steps."""
        host, want, got, live_ids = offer["hostname"], None, [], []
        end = time.monotonic() + PATIENCE
        while True:
            live = self.take_offer(host, end - time.monotonic())
            if not live:
                break
            self.ids[offer["agent_id"]["value"]] = live["agent_id"]["value"]
            live_ids.append(live["id"]["value"])
            got += live["resources"]
            want = amounts(self.translate(offer["resources"]))
            if amounts(got) == want:
                break
        self.offers[offer["id"]["value"]] = live_ids
        if not live_ids:
            return self.fail(f"no offer of {host}")
        if amounts(got) != want:
            extra = {k: v for k, v in amounts(got).items() if want.get(k) != v}
            lack = {k: v for k, v in want.items() if amounts(got).get(k) != v}
            return self.fail(f"offer of {host}:\n  wanted {short(lack)}\n  got    {short(extra)}")
        for key in ("attributes", "domain", "allocation_info", "executor_ids"):
            self.compare(f"offer's {key}", live.get(key), offer.get(key))

    def take_offer(self, host, patience):
        def wanted(event):
            return event["type"] == "OFFERS" and any(
                o["hostname"] == host for o in event["offers"]["offers"])
        event = self.take(wanted, max(0, patience))
        if not event:
            return None
        offers = event["offers"]["offers"]
        mine = next(o for o in offers if o["hostname"] == host)
        offers.remove(mine)
        if offers:
            self.pending.insert(0, event)
        return mine

    def on_update(self, event):
        status = event["update"]["status"]
        task = self.translate(status["task_id"]["value"])
        live = self.take(lambda e: e["type"] == "UPDATE"
                         and e["update"]["status"]["task_id"]["value"] == task)
        if not live:
            return self.fail(f"no {status['state']} of {task}")
        live = live["update"]["status"]
        if "uuid" in status and "uuid" in live:
            self.ids[status["uuid"]] = live["uuid"]
        self.swap_race(status, live)
        if ("uuid" in status) != ("uuid" in live):
            self.fail(f"uuid of {status['state']}")
        if status["state"] == "TASK_RUNNING" and \
                ("executor_pid" in status.get("container_status", {})) != \
                ("executor_pid" in live.get("container_status", {})):
            self.fail("executor_pid of TASK_RUNNING")
        # A message quotes whole offers, whose order is not promised.
        for s in (status, live):
            if "required by task group" in s.get("message", ""):
                s["message"] = sorted(re.split("; | required by | available ", s["message"]))
        self.compare("status", live, status)

    def swap_race(self, status, live):
        """Which of a task's two checks ends first is not promised: the other order will do too."""
        races = {"REASON_TASK_CHECK_STATUS_UPDATED", "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"}
        if status.get("reason") == live.get("reason") or \
                {status.get("reason"), live.get("reason")} != races:
            return
        for line in self.lines[self.at + 1:]:
            later = line.get("event", {}).get("update", {}).get("status", {})
            if later.get("reason") == live["reason"] and later["task_id"] == status["task_id"]:
                for key in ("reason", "healthy", "check_status"):
                    first, second = status.pop(key, None), later.get(key)
                    if second is not None:
                        status[key] = second
                    if first is not None and key == "reason":
                        later[key] = first
                # By then only the first result is known.
                if live["reason"] == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED":
                    status["check_status"] = {"type": "COMMAND", "command": {}}
                else:
                    status.pop("healthy", None)
                return

    def on_update_operation_status(self, event):
        status = event["update_operation_status"]["status"]
        live = self.take(lambda e: e["type"] == "UPDATE_OPERATION_STATUS"
                         and e["update_operation_status"]["status"]["operation_id"]
                         == status["operation_id"])
        if not live:
            return self.fail(f"no status of operation {status['operation_id']['value']}")
        live = live["update_operation_status"]["status"]
        if "uuid" in status and "uuid" in live:
            self.ids[status["uuid"]["value"]] = live["uuid"]["value"]
        for s in (status, live):
            if "does not contain" in s.get("message", ""):
                s["message"] = sorted(re.split("; | does not contain ", s["message"]))
        self.compare("operation status", live, status)

    def on_rescind(self, event):
        live = self.offers.get(event["rescind"]["offer_id"]["value"], [])
        if not self.take(lambda e: e["type"] == "RESCIND"
                         and e["rescind"]["offer_id"]["value"] in live):
            self.fail("no RESCIND")

    def on_other(self, event):
        live = self.take(lambda e: e["type"] == event["type"])
        if not live:
            return self.fail(f"no {event['type']}")
        self.compare(event["type"], live, event)


    def step(self):
        """Does the next line."""
        line = self.lines[self.at]
        for words, command, name in COMMANDS:
            if words in line.get("note", ""):
                self.command(command, name)
        if "call" in line:
            self.one_call(line["call"])
        elif "response" in line:
            want = line["response"]
            if self.answer[0] != want["status"]:
                self.fail(f"status {self.answer[0]}, wanted {want['status']}: {self.answer[1]}")
            elif want.get("body") and self.answer[1] != self.translate(want["body"]):
                self.fail(f"body '{self.answer[1]}', wanted '{want['body']}'")
        elif "event" in line:
            self.event(line["event"])
        elif "stream" in line:
            if not self.take(lambda e: e["type"] == "CLOSED"):
                self.fail("the stream stays open")

    def command(self, command, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/control/" + command, name)
        if connection.getresponse().status != 200:
            self.fail(f"cannot do {command} {name}")

    def one_call(self, call):
        if call["type"] == "SUBSCRIBE" and "response" not in self.lines[self.at + 1]:
            return  # no master listened yet
        """The driver's wrong stream ids are known only from the answers that it got."""
        wrong = next((l["response"] for l in self.lines[self.at:] if "response" in l), {})
        body = wrong.get("body", "")
        self.override = None
        if "The stream ID" in body:
            self.override = body.split("'")[1]
        elif "should include the 'Mesos-Stream-Id'" in body:
            self.override = ""
        self.answer = self.call(call)


def short(total):
    return {k: (len(v) if isinstance(v, set) else v) for k, v in total.items()}


def main(port, paths):
    replays = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        replays.append(Replay(port, path.rsplit("/", 1)[-1], lines))
    order = sorted((line["t"], i, n) for i, replay in enumerate(replays)
                   for n, line in enumerate(replay.lines))
    for _, i, n in order:
        replays[i].at = n
        replays[i].step()
    print(f"{Replay.failures} differences")
    return Replay.failures > 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
