"""What the Python clients share: command line, the records' JSON form, the end on SIGTERM.

CLIENT produce BOOTSTRAP TOPIC CODEC   records on standard input, one line of JSON each; exit 0 when all are acknowledged
CLIENT consume BOOTSTRAP TOPIC GROUP   prints each record, commits what it printed, leaves in order on SIGTERM
"""
import json
import signal
import sys


def text(b):
    return None if b is None else b.decode()


def raw(s):
    return None if s is None else s.encode()


def records():
    for line in sys.stdin:
        r = json.loads(line)
        yield r['p'], r['ts'], raw(r['k']), raw(r['v']), [(k, raw(v)) for k, v in r.get('h') or []]


def show(partition, offset, timestamp, key, value, headers):
    json.dump({'p': partition, 'o': offset, 'ts': timestamp, 'k': text(key), 'v': text(value),
               'h': [[k, text(v)] for k, v in headers or []]}, sys.stdout, ensure_ascii=False)
    sys.stdout.write('\n')


class Stop:
    """Becomes true on SIGTERM."""

    def __init__(self):
        self.now = False
        signal.signal(signal.SIGTERM, self.set)

    def set(self, *_):
        self.now = True

    def __bool__(self):
        return self.now


def main(produce, consume):
    mode, args = sys.argv[1], sys.argv[2:]
    {'produce': produce, 'consume': consume}[mode](*args)
