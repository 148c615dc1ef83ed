"""What peers do wrong, as functions of an Exchange for ReceiverPeer's `behave`."""

import collections
import time


def _wait(exchange, happened):
    until = time.monotonic() + 60
    while time.monotonic() < until and not exchange.peer.closing and not happened():
        time.sleep(0.02)


def always(status, body=None, close=False, fields=()):
    """Reads the whole body and answers so each time."""
    def act(exchange):
        exchange.read()
        exchange.answer(status, {"message": f"Scripted {status}"} if body is None else body,
                        close, fields)
        return True
    return act


def times(count, behaviour):
    """The first `count` requests (of each file, for uploads), then as usual."""
    seen = collections.Counter()

    def act(exchange):
        key = exchange.call.query.get("fileId")
        seen[key] += 1
        return behaviour(exchange) if seen[key] <= count else False
    return act


def only(name, behaviour):
    """Uploads of one file name; the others as usual."""
    def act(exchange):
        return behaviour(exchange) if exchange.file.get("fileName") == name else False
    return act


def delayed(seconds):
    """As usual, after a while."""
    def act(exchange):
        exchange.read()
        time.sleep(seconds)
        return False
    return act


def never(events=None):
    """Reads and keeps silent; notes in `events` when the caller has closed its connection."""
    def act(exchange):
        exchange.read()
        gone = exchange.wait_until_gone()
        if events is not None:
            events.append(("gone" if gone else "still there", time.monotonic()))
        return True
    return act


def stall_after(size):
    """Reads so many bytes and then no more, until the caller goes away."""
    def act(exchange):
        exchange.read(size)
        _wait(exchange, lambda: False)
        return True
    return act


def held(event, size, started=None):
    """Reads `size` bytes, waits for `event`, and goes on as usual."""
    def act(exchange):
        exchange.read(size)
        if started is not None:
            started.set()
        _wait(exchange, event.is_set)
        return False
    return act


def reset_after(size):
    """Resets the connection in the middle of the body."""
    def act(exchange):
        exchange.read(size)
        exchange.reset()
        return True
    return act


def close_after(size):
    """Closes the connection in the middle of the body, without a word."""
    def act(exchange):
        exchange.read(size)
        exchange.keep = False
        return True
    return act


def early(status, size, message):
    """Answers in the middle of the body and closes, as apps do when a token is refused."""
    def act(exchange):
        exchange.read(size)
        exchange.answer(status, {"message": message}, close=True)
        return True
    return act


def before_body(status):
    """Answers when the head is there, reads nothing and closes."""
    def act(exchange):
        exchange.answer(status, b"", close=True)
        return True
    return act


def raw(data):
    """Bytes that need not be HTTP."""
    def act(exchange):
        exchange.read()
        exchange.raw(data)
        exchange.keep = False
        return True
    return act


def cut_answer():
    """An answer that ends before its announced length."""
    return raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
               b"Content-Length: 500\r\n\r\n{\"sessionId\": \"")


def redirect(url):
    """307 to another place."""
    return always(307, b"", fields=(("Location", url),))
