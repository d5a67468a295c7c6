"""Takes metrics by OTLP/HTTP and OTLP/gRPC on 127.0.0.1, until SIGTERM.

Writes the body of each export to a file of DIRECTORY and prints a line about
it as JSON: the protocol, the file, the authorization that came with it.
The first REFUSED exports are refused.

Usage: otlp_collector.py HTTP_PORT GRPC_PORT DIRECTORY REFUSED
"""
import concurrent.futures
import http.server
import itertools
import json
import sys

import grpc

METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

http_port, grpc_port, directory, refused = sys.argv[1:]
numbers = itertools.count(1)


def take(protocol, body, authorization):
    """Keeps a body. Returns whether it is accepted."""
    number = next(numbers)
    if number <= int(refused):
        return False
    path = f"{directory}/{number}.pb"
    with open(path, "wb") as file:
        file.write(body)
    line = {"protocol": protocol, "path": path, "authorization": authorization}
    print(json.dumps(line), flush=True)
    return True


class HttpCollector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        is_good = (
            self.path == "/v1/metrics"
            and self.headers["content-type"] == "application/x-protobuf"
        )
        body = b"".join(self.chunks())
        if not is_good:
            self.answer(404)
        elif take("http", body, self.headers["authorization"]):
            self.answer(200)
        else:
            self.answer(400)

    def chunks(self):
        if self.headers["transfer-encoding"] != "chunked":
            yield self.rfile.read(int(self.headers["content-length"]))
            return
        while length := int(self.rfile.readline(), 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def export(body, context):
    metadata = dict(context.invocation_metadata())
    if not take("grpc", body, metadata.get("authorization")):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "come back later")
    return b""


class GrpcCollector(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == METHOD:
            return grpc.unary_unary_rpc_method_handler(export)
        return None


server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers([GrpcCollector()])
server.add_insecure_port(f"127.0.0.1:{grpc_port}")
server.start()
web = http.server.ThreadingHTTPServer(("127.0.0.1", int(http_port)), HttpCollector)
print("Collecting", flush=True)
web.serve_forever()
