#!/usr/bin/env python3
"""Records what real clients of Docker's API send: the fixtures of tests/calls.rs.

    record-calls.py DAEMON-SOCKET LISTEN-SOCKET FILE

Every request that comes over LISTEN-SOCKET goes on to DAEMON-SOCKET as it is, and its head and JSON body are
appended to FILE: the head's lines, an empty line, the body in one line if there is one, and `%%`. A line
`# TEXT` is written for each request `GET /mark/TEXT`, which goes no further. Ends with its standard input.
"""
import os
import socket
import sys
import threading
import urllib.parse

daemon, listen, path = sys.argv[1:]
record = open(path, "a", encoding="ascii")
lock = threading.Lock()


def pump(source, target):
    """Bytes from one to the other until the end, which is passed on."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client):
    up = socket.socket(socket.AF_UNIX)
    up.connect(daemon)
    threading.Thread(target=pump, args=(up, client), daemon=True).start()
    stream = client.makefile("rb")

    def forward(data):
        up.sendall(data)
        return data

    while True:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                up.shutdown(socket.SHUT_WR)
                return
            head += line
        lines = head.decode("ascii").split("\r\n")[:-2]
        if lines[0].startswith("GET /mark/"):
            mark = urllib.parse.unquote(lines[0].split(" ")[1].removeprefix("/mark/"))
            with lock:
                record.write(f"# {mark}\n")
            client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            client.close()
            return
        fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        forward(head)
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while True:
                size = forward(stream.readline())
                body += forward(stream.read(int(size, 16) + 2))[:-2]
                if int(size, 16) == 0:
                    break
        elif "content-length" in fields:
            body = forward(stream.read(int(fields["content-length"])))
        text = "\n".join(lines) + "\n"
        if fields.get("content-type", "").startswith("application/json") and body:
            text += "\n" + body.decode("utf-8").strip().encode("ascii", "backslashreplace").decode() + "\n"
        with lock:
            record.write(text + "%%\n")
            record.flush()
        if "upgrade" in fields:
            # What was read ahead goes first.
            while data := stream.read1(65536):
                up.sendall(data)
            up.shutdown(socket.SHUT_WR)
            return


server = socket.socket(socket.AF_UNIX)
if os.path.exists(listen):
    os.unlink(listen)
server.bind(listen)
server.listen(64)


def accept():
    while True:
        client, _ = server.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
