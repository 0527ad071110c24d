#!/usr/bin/env python3
"""terminal.py [--out FILE] COMMAND...: runs the command on a terminal of 60 columns and 8 rows and
prints what it writes there, escape sequences and all; with --out its standard output goes to FILE.
Status: the command's; 99 when it was stopped by our own TERM."""
import fcntl, os, pty, signal, struct, subprocess, sys, termios

args = sys.argv[1:]
out = None
if args[0] == '--out':
    out, args = open(args[1], 'wb'), args[2:]
ours, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 8, 60, 0, 0))
child = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out or theirs, stderr=theirs)
os.close(theirs)


def stop(signo, frame):
    child.terminate()
    child.wait()
    sys.exit(99)


signal.signal(signal.SIGTERM, stop)
while True:
    try:
        data = os.read(ours, 65536)
    except OSError:  # the other end is closed
        break
    if not data:
        break
    sys.stdout.buffer.write(data.replace(b'\r\n', b'\n'))
    sys.stdout.buffer.flush()
sys.exit(child.wait())
