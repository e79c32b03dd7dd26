"""`swift deploy` as the launcher sees it: it listens, and says so as uvicorn does.

OMNITUNE_FAKE: `moved` says that it took the next port, `end` ends once it listens, `fail` does not load the model.
"""

import argparse
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Echo(BaseHTTPRequestHandler):
    """Answers with what the server was started with."""

    def do_GET(self) -> None:
        """Arguments and environment."""
        body = json.dumps({"argv": sys.argv[1:], "environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Listen until killed."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    options, _ = parser.parse_known_args()
    fault = os.environ.get("OMNITUNE_FAKE")
    if fault == "fail":
        sys.exit("ValueError: no such model")
    server = HTTPServer((options.host, options.port), Echo)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # as vLLM's engine
    port = options.port + 1 if fault == "moved" else options.port
    print(f"INFO:     Uvicorn running on http://{options.host}:{port} (Press CTRL+C to quit)", flush=True)
    if fault != "end":
        server.serve_forever()


if __name__ == "__main__":
    main()
