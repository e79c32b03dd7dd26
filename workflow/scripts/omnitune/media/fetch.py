"""Media that rows name by URL: fetched from where the config allows it, into files named by their content."""

import hashlib
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from omnitune.media.sniff import media_extension
from omnitune.media.urls import is_allowed, is_url
from omnitune.publish import open_atomic
from omnitune.validation.codes import Finding

# Seconds: for a connection or the next bytes, and that a server may waste; bytes a second that it must give.
_PATIENCE, _SLACK, _SLOWEST = 20.0, 30.0, 50_000
# A clip of an hour; what is larger is not fetched row by row.
_LARGEST = 2 << 30
_BLOCK = 1 << 20
_TRIES, _PAUSE = 3, 0.5
# What another try may change: too many requests, and what a server says of itself.
_PASSING = {408, 429, 500, 502, 503, 504}
_TOGETHER = 8
# Left as they are in a URL; what else is no letter or digit is percent-encoded.
_SAFE = "%/:=&?~#+!$,;'@()*[]"
_RECENT = 8192


class Fetcher:
    """Fetches media; rows that share a URL share its file, or why there is none.

    Args:
        folder: where files are written; made with the first. What it holds is not fetched again.
        prefixes: beginnings of the URLs that may be fetched, such as https://{host}/folder/.
        largest: bytes that a file may have.
    """

    def __init__(self, folder: Path, prefixes: Sequence[str], largest: int = _LARGEST) -> None:
        self._folder, self._prefixes, self._largest = Path(os.path.realpath(folder)), prefixes, largest
        self._opener = urllib.request.build_opener(_Redirects(prefixes))
        self._known: dict[str, str | Finding] = {}

    def fetch(self, urls: Sequence[str]) -> list[str | Finding]:
        """The absolute path of the file behind each URL, or why there is none."""
        fresh = [url for url in dict.fromkeys(urls) if url not in self._known]
        if fresh:
            with ThreadPoolExecutor(_TOGETHER) as threads:
                self._known |= zip(fresh, threads.map(self._one, fresh), strict=True)
        found = [self._known[url] for url in urls]
        while len(self._known) > _RECENT:
            del self._known[next(iter(self._known))]
        return found

    def _one(self, url: str) -> str | Finding:
        if not is_allowed(url, self._prefixes):
            return Finding("E071", f"{url} is a URL that validate.urls does not allow")
        # Says which file the URL gave: the name of that is its content's.
        note = self._folder / "urls" / hashlib.sha256(url.encode()).hexdigest()
        if note.is_file() and (path := self._folder / note.read_text()).is_file():
            return str(path)
        for number in range(_TRIES):
            time.sleep(number * _PAUSE)
            try:
                path = self._download(url)
            except _Refused as error:
                return Finding(error.code, f"{url} {error}", error.fix)
            except urllib.error.HTTPError as error:
                reason = f"the server answers {error.code} {error.reason}"
                error.close()
                if error.code not in _PASSING:
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError, HTTPException, ValueError) as error:
                # Any other OSError is the disk's, and no fault of the server.
                reason = str(getattr(error, "reason", error)) or type(error).__name__
            else:
                with open_atomic(note) as file:
                    file.write(path.name.encode())
                return str(path)
        return Finding("E244", f"{url} cannot be fetched ({reason})")

    def _download(self, url: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        digest, read, head, begun = hashlib.sha256(), 0, b"", time.monotonic()
        headers = {"User-Agent": "omnitune", "Accept-Encoding": "identity"}
        request = urllib.request.Request(quote(url, safe=_SAFE), headers=headers)
        temporary = self._folder / f".fetching.{uuid.uuid4().hex[:8]}.tmp"
        try:
            with self._opener.open(request, timeout=_PATIENCE) as answer, temporary.open("wb") as file:
                told = answer.length
                while block := self._next(answer, told, read, begun):
                    head = head or block[:16]
                    digest.update(block)
                    file.write(block)
                    read += len(block)
                file.flush()
                os.fsync(file.fileno())
            if not read:
                raise _Refused("E244", "gives an empty file")
            path = self._folder / f"{digest.hexdigest()}.{media_extension(head) or 'bin'}"
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def _next(self, answer: Any, told: int | None, read: int, begun: float) -> bytes:
        if max(read, told or 0) > self._largest:
            raise _Refused("E244", f"gives more than {self._largest / 1e6:.0f} MB")
        if time.monotonic() - begun > _SLACK + read / _SLOWEST:
            raise _Refused("E244", f"is too slow: {read} bytes in {time.monotonic() - begun:.0f} s")
        block: bytes = answer.read1(_BLOCK)
        if not block and told is not None and read < told:
            raise HTTPException(f"the connection ends after {read} of {told} bytes")
        return block


class _Refused(Exception):
    """A URL that another try does not help; `fix` when the code's own remedy does not fit."""

    def __init__(self, code: str, what: str, fix: str = "") -> None:
        self.code, self.fix = code, fix
        super().__init__(what)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects that stay where media may be fetched from."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = prefixes

    def http_error_302(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """The answer that the redirect leads to; urllib's own check would tell it as a server's fault."""
        target = urljoin(req.full_url, headers.get("location", headers.get("uri", "")))
        if not is_allowed(target, self._prefixes):
            fix = "Add the beginning of that URL to validate.urls, or download the file and name its local path."
            if not is_url(target):
                fix = "Download the file and name its local path."
            raise _Refused("E071", f"leads to {target}, which validate.urls does not allow", fix)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
