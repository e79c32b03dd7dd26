"""The judge as a service: asked again while it is away, never followed to another address, its key never told."""

import json
import re
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

# Those by which a server says "later".
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
# Those that are about this one request, such as a completion longer than the judge can read.
_NOT_THIS = frozenset({400, 413, 422})
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_key = re.compile(r"[\x21-\x7e]+")


class JudgeError(RuntimeError):
    """The judge is away, or takes no request: a training without it would learn nothing."""


class Unrated(Exception):
    """The judge works but has no reply to this one request."""


class _NoRedirects(HTTPRedirectHandler):
    """Python would send the key to wherever it is pointed at."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Service:
    """One judge, for the requests of one batch, which may be made at the same time.

    Args:
        url: base of the interface, with its `/v1`.
        key: the key, if it wants one.
        timeout: seconds that one request may take.
        retries: how often a request is repeated while the judge replies to others.
        patience: seconds without any reply after which it is given up.
    """

    def __init__(self, url: str, key: str | None, *, timeout: float, retries: int, patience: float) -> None:
        self._url, self._key = url, key
        self._timeout, self._retries, self._patience = timeout, retries, patience
        # Straight to the address: a proxy of the machine is not meant for a judge, and would see the data.
        self._opener = build_opener(ProxyHandler({}), _NoRedirects)
        self._heard = time.monotonic()

    def ask(self, body: Mapping[str, Any]) -> bytes:
        """The reply to a request, which is repeated with longer and longer waits.

        Raises:
            Unrated: there is none to this request, though there are to others.
            JudgeError: there is none to any.
        """
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(f"{self._url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)
        begun, tries, wait = time.monotonic(), 0, _FIRST_WAIT_SECONDS
        while True:
            try:
                with self._opener.open(request, timeout=self._timeout) as reply:
                    content: bytes = reply.read()
                    self._heard = time.monotonic()
                    return content
            except HTTPError as error:
                error.close()
                why = f"HTTP {error.code}"
                if error.code in _NOT_THIS:
                    self._heard = time.monotonic()
                    raise Unrated(why) from None
                if error.code not in _AGAIN:
                    raise JudgeError(f"reward llm_judge: {self._url} takes no request ({why})") from None
            except (OSError, HTTPException) as error:
                why = f"{type(error).__name__}: {error}"
            tries += 1
            left = self._heard + self._patience - time.monotonic()
            if left <= 0:
                raise JudgeError(
                    f"reward llm_judge: {self._url} has not replied for {self._patience:g} s ({why})"
                ) from None
            if tries > self._retries and self._heard > begun:
                raise Unrated(why)
            time.sleep(min(wait, left, _LONGEST_WAIT_SECONDS))
            wait *= 2


def read_key(file: str) -> str:
    """The key in a file: its first line that is not empty.

    Raises:
        ValueError: it cannot be read or holds none; the sentence does not tell what it holds.
    """
    try:
        lines = Path(file).expanduser().read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text") from None
    key = next((line.strip() for line in lines if line.strip()), "")
    if not _key.fullmatch(key):
        raise ValueError(f"{file} holds no key: its first line must be the key and nothing else")
    return key
