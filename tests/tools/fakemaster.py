#!/usr/bin/env python3
"""fakemaster.py DIR [ADDRESS]: a scripted Mesos master for tests of the link.

Reads DIR/script.json, listens on a free port (written to DIR/port) of ADDRESS, 127.0.0.1 by default,
and logs each request as a line of DIR/requests and its body as a RecordIO frame in DIR/body-N.

script.json: {"subscribe": [[STEP, ...], ...], "calls": [[STEP, ...], ...]}: what happens on the n-th
SUBSCRIBE (told by the missing stream id) and on the n-th other call; the last list repeats. STEPs:

  {"status": N, "body": TEXT, "headers": {...}}  a plain answer
  {"open": CONTENT_TYPE}      200 and a chunked body, stream id "stream-<n>"
  {"file": NAME, "split": N}  bytes of DIR/NAME, N in a chunk (default: all in one), each split again
                              between TCP writes when "tear" is given
  {"repeat": NAME, "count": N} DIR/NAME so many times
  {"delay": SECONDS}
  {"touch": NAME}             makes DIR/NAME
  {"await": NAME}             waits until DIR/NAME exists
  {"raw": TEXT}               bytes as they are; with "last" and the connection's end in one segment
  {"end": true}               ends the chunked body properly
  {"cut": true}               closes the connection at once
  {"hold": true}              keeps it open until the client leaves
"""
import json
import os
import socket
import sys
import threading
import time

BASE = sys.argv[1]
ADDRESS = sys.argv[2] if len(sys.argv) > 2 else '127.0.0.1'
with open(os.path.join(BASE, 'script.json'), encoding='utf-8') as script_file:
    SCRIPT = json.load(script_file)
LOCK = threading.Lock()
COUNTS = {'subscribe': 0, 'calls': 0, 'requests': 0, 'connections': 0}


def path(name):
    return os.path.join(BASE, name)


def read_request(stream):
    """(method, target, headers, body), or None at the end of the connection."""
    line = stream.readline()
    if not line:
        return None
    method, target, _ = line.decode().split(' ', 2)
    headers = {}
    while True:
        line = stream.readline().decode().rstrip('\r\n')
        if not line:
            break
        name, _, value = line.partition(':')
        headers[name.lower()] = value.strip()
    wanted = int(headers.get('content-length', 0))
    body = stream.read(wanted)
    if len(body) < wanted:
        return None
    return method, target, headers, body


def log(connection, method, target, headers, body):
    with LOCK:
        COUNTS['requests'] += 1
        number = COUNTS['requests']
        kind = 'calls' if 'mesos-stream-id' in headers else 'subscribe'
        COUNTS[kind] += 1
        order = COUNTS[kind]
        with open(path(f'body-{number}'), 'wb') as out:
            out.write(b'%d\n' % len(body) + body)
        with open(path('requests'), 'a', encoding='utf-8') as out:
            out.write(json.dumps({'request': number, 'kind': kind, 'connection': connection,
                                  'method': method, 'target': target, 'headers': headers}) + '\n')
    steps = SCRIPT.get(kind, [[{'status': 404, 'body': 'not scripted'}]])
    return order, steps[min(order, len(steps)) - 1]


def chunk(sock, data):
    sock.sendall(b'%x\r\n' % len(data) + data + b'\r\n')


def send_file(sock, data, step):
    size = step.get('split', len(data)) or 1
    for at in range(0, len(data), size):
        part = data[at:at + size]
        if not step.get('tear'):
            chunk(sock, part)
            continue
        framed = b'%x\r\n' % len(part) + part + b'\r\n'
        for byte in range(0, len(framed), step['tear']):
            sock.sendall(framed[byte:byte + step['tear']])


def perform(sock, steps, order):
    """True when the connection may carry another request."""
    for step in steps:
        if 'status' in step:
            body = step.get('body', '').encode()
            head = f'HTTP/1.1 {step["status"]} Scripted\r\nContent-Length: {len(body)}\r\n'
            for name, value in step.get('headers', {}).items():
                head += f'{name}: {value}\r\n'
            sock.sendall(head.encode() + b'\r\n' + body)
        elif 'open' in step:
            sock.sendall(('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
                          f'Mesos-Stream-Id: stream-{order}\r\n'
                          f'Content-Type: {step["open"]}\r\n\r\n').encode())
        elif 'file' in step:
            with open(path(step['file']), 'rb') as source:
                send_file(sock, source.read(), step)
        elif 'repeat' in step:
            with open(path(step['repeat']), 'rb') as source:
                data = source.read()
            for _ in range(step['count']):
                chunk(sock, data)
        elif 'delay' in step:
            time.sleep(step['delay'])
        elif 'touch' in step:
            with open(path(step['touch']), 'w', encoding='utf-8'):
                pass
        elif 'await' in step:
            while not os.path.exists(path(step['await'])):
                time.sleep(0.01)
        elif 'raw' in step:
            if step.get('last'):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            sock.sendall(step['raw'].encode())
            if step.get('last'):
                return False
        elif 'end' in step:
            sock.sendall(b'0\r\n\r\n')
        elif 'cut' in step:
            return False
        elif 'hold' in step:
            sock.settimeout(None)
            while sock.recv(4096):
                pass
            return False
    return True


def serve(sock, connection):
    try:
        with sock, sock.makefile('rb') as stream:
            while True:
                request = read_request(stream)
                if not request:
                    return
                order, steps = log(connection, *request)
                if not perform(sock, steps, order):
                    sock.shutdown(socket.SHUT_RDWR)
                    return
    except OSError:
        pass


def main():
    server = socket.create_server((ADDRESS, 0), family=socket.AF_INET6 if ':' in ADDRESS else socket.AF_INET)
    with open(path('port.new'), 'w', encoding='utf-8') as out:
        out.write(f'{server.getsockname()[1]}\n')
    os.rename(path('port.new'), path('port'))
    while True:
        sock, _ = server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        COUNTS['connections'] += 1
        threading.Thread(target=serve, args=(sock, COUNTS['connections']), daemon=True).start()


main()
