#!/usr/bin/env python3
"""gate.py FILE PORT_FILE: an HTTP server on a free port of the loopback that answers each GET, with nothing,
once FILE exists."""
import http.server
import os
import sys
import time


class Gate(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.02)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
with open(sys.argv[2] + ".new", "w") as file:
    print(server.server_port, file=file)
os.rename(sys.argv[2] + ".new", sys.argv[2])
server.serve_forever()
