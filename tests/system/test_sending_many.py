"""`lsend send` to several targets, again after failures, all or nothing, and as a dry run."""

import json
import signal
import socket
import time

import pytest

from lab import files
from lab.process import run_lsend, wait_until
from lab.sending import Sent, digests, stored
from peers import behaviour

wires = pytest.mark.parametrize("era", ["1.17", "1.8"], ids=["v2", "v1"])


@pytest.fixture
def send_to(own_home):
    """send_to(arguments) runs `lsend send --json` without a target of its own."""
    def run(*arguments, **more):
        done = run_lsend("send", "--json", "--interface", "lo", "--port", "0", *arguments,
                         home=own_home, timeout=60, **more)
        return Sent(done.returncode, done.stdout, done.stderr)

    return run


def each(*receivers):
    """--to for every one."""
    return [word for receiver in receivers for word in ("--to", receiver.target)]


def by_target(sent):
    """{target: its entry in the result}"""
    return {entry["target"]: entry for entry in sent.events[-1]["targets"]}


# --- many targets --------------------------------------------------------------------------------


def test_all_targets_get_all_files(peer, send_to, three):
    """Whatever they speak; each has its target event, its file events and its result."""
    receivers = [peer("1.17"), peer("1.8"), peer("1.17", tls=False)]
    sent = send_to(*each(*receivers), *three)
    assert sent.code == 0, sent.err
    for receiver in receivers:
        assert stored(receiver) == digests(three)
    names = {receiver.target for receiver in receivers}
    assert {event["target"] for event in sent.of("target")} == names
    assert {(e["target"], e["name"], e["status"]) for e in sent.of("file")} == {
        (target, path.name, "done") for target in names for path in three}
    assert {name: entry["ok"] for name, entry in by_target(sent).items()} == dict.fromkeys(
        names, True)
    assert sent.events[-1]["files_done"] == 9


def test_all_targets_are_served_at_once(peer, send_to, three):
    """Each takes a second to answer; all together do as well."""
    receivers = [peer(behave={"prepare": behaviour.delayed(2)}) for _ in range(3)]
    sent = send_to(*each(*receivers), *three)
    assert sent.code == 0
    asked = [receiver.of("prepare")[0].at for receiver in receivers]
    assert max(asked) - min(asked) < 2


def test_files_are_hashed_once(peer, send_to, three):
    """The same ids and digests go to all."""
    receivers = [peer(), peer()]
    assert send_to(*each(*receivers), "--checksum", *three).code == 0
    first, second = (receiver.of("prepare")[0].json()["files"] for receiver in receivers)
    assert first == second


@pytest.mark.parametrize("answers,code", [((403, 403), 8), ((409, 409), 9), ((403, 409), 10)])
def test_one_code_if_all_failed_alike_else_10(peer, send_to, three, answers, code):
    """And each target has its own in the result."""
    receivers = [peer(behave={"prepare": behaviour.always(status)}) for status in answers]
    sent = send_to(*each(*receivers), *three)
    assert sent.code == code, sent.message
    own = {403: 8, 409: 9}
    results = by_target(sent)
    for receiver, status in zip(receivers, answers):
        entry = results[receiver.target]
        assert (entry["ok"], entry["exit_code"]) == (False, own[status])
        assert entry["error"]["exit_code"] == own[status]


def test_one_target_that_fails_is_exit_10(peer, send_to, three):
    """The other has everything."""
    good, bad = peer(), peer(behave={"prepare": behaviour.always(403)})
    sent = send_to(*each(good, bad), *three)
    assert sent.code == 10
    assert stored(good) == digests(three)
    assert by_target(sent)[good.target]["ok"]
    assert "1 of 2 targets" in sent.message and bad.target in sent.message


def test_a_target_named_twice_is_one(peer, send_to, three):
    """Nothing is sent twice."""
    receiver = peer()
    sent = send_to(*each(receiver, receiver), *three)
    assert sent.code == 0
    assert len(receiver.of("prepare")) == 1
    assert len(sent.events[-1]["targets"]) == 1


def test_a_group_of_the_configuration(peer, send_to, three, tmp_path):
    """@group, as --to and as the TARGET; an unknown one names those that are known."""
    receivers = [peer(), peer("1.8")]
    config = tmp_path / "config.toml"
    config.write_text(f"[groups]\nlab = {json.dumps([r.target for r in receivers])}\n")
    for words in (["--to", "@lab", *three], ["@lab", *three]):
        sent = send_to("--config", config, *words)
        assert sent.code == 0, sent.message
        assert set(by_target(sent)) == {receiver.target for receiver in receivers}
    assert all(len(receiver.of("prepare")) == 2 for receiver in receivers)
    sent = send_to("--config", config, "@lob", *three)
    assert sent.code == 2
    assert "'@lob'" in sent.message and "@lab" in sent.message


def test_wait_is_for_each_of_them(peer, start_send, send_to, three):
    """One is there at once, the other is busy for a while."""
    busy = behaviour.times(1, behaviour.always(409))
    receivers = [peer(), peer(behave={"prepare": busy})]
    sent = send_to(*each(*receivers), "--wait", "20s", *three)
    assert sent.code == 0, sent.message
    waiting = {event["target"] for event in sent.of("waiting") if "busy" in event["reason"]}
    assert waiting == {receivers[1].target}


def test_an_interrupt_ends_all_of_them(peer, own_home, three):
    """Exit 130, and every receiver is told."""
    from lab.process import Program, wait_until
    receivers = [peer(behave={"prepare": behaviour.never()}) for _ in range(2)]
    program = Program("send", "--json", "--interface", "lo", "--port", "0", *each(*receivers),
                      *three, home=own_home)
    for receiver in receivers:
        wait_until(lambda one=receiver: one.of("prepare") and one.of("prepare")[0].complete)
    program.send_signal(signal.SIGINT)
    assert program.wait(10) == 130
    for receiver in receivers:
        assert [call.query for call in receiver.wait_for("cancel")] == [{}]


def test_people_see_a_line_for_each(peer, own_home, three):
    """On standard error, failures with the target in front."""
    good, bad = peer(), peer(behave={"prepare": behaviour.always(403)})
    done = run_lsend("send", "--interface", "lo", "--port", "0", *each(good, bad), *three,
                     home=own_home)
    assert done.returncode == 10
    assert f"{good.target}: sent 3 files" in done.stderr
    assert f"{bad.target}: " in done.stderr


# --- --retry -------------------------------------------------------------------------------------


@wires
def test_retry_tries_temporary_failures_again(peer, send, three, era):
    """Busy twice: --retry 2 is enough, --retry 1 is not."""
    receiver = peer(era, behave={"prepare": behaviour.times(2, behaviour.always(409))})
    sent = send(receiver, "--retry", "2", *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    assert len([e for e in sent.of("waiting") if "trying again (" in e["reason"]]) == 2
    again = peer(era, behave={"prepare": behaviour.times(2, behaviour.always(409))})
    assert send(again, "--retry", "1", *three).code == 9


@pytest.mark.parametrize("status,code", [(403, 8), (401, 7), (400, 16)])
def test_retry_leaves_lasting_failures(peer, send, three, status, code):
    """One request."""
    receiver = peer(behave={"prepare": behaviour.always(status)})
    assert send(receiver, "--retry", "5", *three).code == code
    assert len(receiver.of("prepare")) == 1


@wires
def test_retry_sends_only_what_is_left(peer, send, three, era):
    """A file whose connection broke three times is all that the next request names; its one event
    is the last word."""
    broken = behaviour.only("b.png", behaviour.times(3, behaviour.reset_after(1)))
    receiver = peer(era, behave={"upload": broken})
    sent = send(receiver, "--retry", "1", *three)
    assert sent.code == 0, sent.message
    assert stored(receiver) == digests(three)
    offered = [sorted(f["fileName"] for f in call.json()["files"].values())
               for call in receiver.of("prepare")]
    assert offered == [["a.txt", "b.png", "c.bin"], ["b.png"]]
    assert sorted(event["name"] for event in sent.of("file")) == ["a.txt", "b.png", "c.bin"]


def leave_for_good(exchange):
    """The app is closed in the middle of a file."""
    exchange.read(1)
    exchange.peer._listener.shutdown(socket.SHUT_RDWR)
    exchange.peer._listener.close()
    exchange.reset()
    return True


@wires
@pytest.mark.parametrize("retry", ["0", "1"])
def test_retry_of_a_peer_that_is_gone_for_good(peer, send, three, era, retry):
    """What arrived has arrived: exit 10, and each file that was not delivered is named."""
    receiver = peer(era, behave={"upload": behaviour.only("b.png", leave_for_good)})
    sent = send(receiver, "--jobs", "1", "--retry", retry, "--connect-timeout", "1s", *three)
    assert sent.code == 10, sent.message
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "failed"}
    assert len(sent.of("file")) == 3
    assert {sent.files[name]["error"]["exit_code"] for name in ("b.png", "c.bin")} == {5}
    assert "2 of 3 files were not sent" in sent.message
    result = sent.of("result")[0]
    assert (result["files_done"], result["files_failed"]) == (1, 2)


def test_retry_that_is_interrupted_between_two_runs(peer, start_send, three):
    """Exit 130, and what was not delivered is told."""
    receiver = peer(behave={"upload": behaviour.only("b.png", leave_for_good)})
    program = start_send(receiver, "--jobs", "1", "--retry", "9", "--connect-timeout", "1s", *three)
    wait_until(lambda: [e for e in program.events() if "trying again (2" in e.get("reason", "")],
               what="the second retry")
    program.send_signal(signal.SIGINT)
    sent = program.ended(5)
    assert sent.code == 130
    assert sent.statuses() == {"a.txt": "done", "b.png": "failed", "c.bin": "failed"}


def test_retry_does_not_repeat_what_cannot_be_read(send, tmp_path):
    """Exit 11 at once."""
    begun = time.monotonic()
    sent = send(None, "--retry", "5", tmp_path / "missing", target="127.0.0.1:9")
    assert sent.code == 11
    assert time.monotonic() - begun < 3


# --- --require-all -------------------------------------------------------------------------------


@wires
def test_S10_require_all_cancels_a_partial_acceptance(peer, send, three, era):
    """Exit 8, nothing is sent, the session is ended."""
    receiver = peer(era, accept=lambda file: file["fileName"] != "b.png")
    sent = send(receiver, "--require-all", *three)
    assert sent.code == 8, sent.message
    assert "2 of 3" in sent.message and "--require-all" in sent.message
    assert receiver.of("upload") == []
    cancel, = receiver.of("cancel")
    assert cancel.query == ({} if era == "1.8" else {"sessionId": receiver.session_id})


def test_S10_require_all_is_no_matter_where_all_is_taken(peer, send, three):
    """Exit 0."""
    receiver = peer()
    assert send(receiver, "--require-all", *three).code == 0
    assert stored(receiver) == digests(three)


# --- --dry-run -----------------------------------------------------------------------------------


def test_dry_run_asks_nobody(peer, send, three):
    """The plan, the target, and no request that its user could see."""
    receiver = peer()
    sent = send(receiver, "--dry-run", *three)
    assert sent.code == 0, sent.err
    plan, = sent.of("plan")
    assert plan["dry_run"] is True
    assert plan["files"] == 3 and plan["bytes"] == sum(p.stat().st_size for p in three)
    assert plan["list"] == [{"name": p.name, "size": p.stat().st_size} for p in three]
    target, = sent.of("target")
    assert target["alias"] == receiver.alias
    assert {call.path.rpartition("/")[2] for call in receiver.calls} <= {"info", "register"}
    assert sent.of("file") == []


def test_dry_run_shows_people_a_table(peer, own_home, three):
    """On standard output."""
    receiver = peer()
    done = run_lsend("send", "--interface", "lo", "--port", "0", "-n", receiver.target, *three,
                     home=own_home)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[-1] for line in lines[:3]] == ["a.txt", "b.png", "c.bin"]
    assert lines[3].startswith("3 files, ")
    assert receiver.alias in done.stderr


def test_dry_run_finds_out_that_nobody_is_there(send, three):
    """Exit 5, as the real one."""
    assert send(None, "-n", *three, target="127.0.0.1:9").code == 5


def test_every_run_has_a_plan(peer, send, three):
    """Without a list."""
    plan, = send(peer(), *three).of("plan")
    assert plan["dry_run"] is False and "list" not in plan
    assert (plan["files"], plan["left_out"]) == (3, 0)
