"""The browser pages: GraphiQL, built once by Vite from `infra/web` and sent by this server alone.

Nothing on these pages comes from another host; the content security policy makes the browser hold us to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PAGES: Final = ("graphiql",)
"""The entries of `infra/web/vite.config.ts`; each is a page at its own name."""

DIST: Final = Path(__file__).with_name("web") / "dist"
"""Where Vite puts what it built."""

HEADERS: Final = {
    # Monaco, the editor, writes inline styles, carries images and fonts as data addresses and runs workers.
    # 'self' covers WebSockets to this host too, in every browser since 2022.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer of this module carries, a worker's script included: a worker obeys the policy it came with."""

NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Wherry: this page is not built yet</title></head>
<body>
<h1>This page is not built yet</h1>
<p>Install Node.js 20.19 or newer, then run in the folder of the project:</p>
<pre>make setup</pre>
<p>or only the part that is missing:</p>
<pre>cd infra/web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>Then load this page again; the server need not be restarted.</p>
<p>The API works meanwhile: POST to <code>/graphql</code>.</p>
</body>
</html>
"""


def page_routes(dist: Path = DIST) -> list[BaseRoute]:
    """Return the routes of all pages and of the files they load, for the application to include.

    Args:
        dist: the folder with what Vite built; it may be missing, and may appear later.
    """
    routes: list[BaseRoute] = [Mount("/assets", HashedFiles(directory=dist / "assets", check_dir=False))]
    for name in PAGES:
        # Relative, so that it also holds behind a proxy that puts a path in front.
        to_page = RedirectResponse(f"{name}/", headers=HEADERS)
        routes.append(Route(f"/{name}", to_page, methods=["GET"]))
        routes.append(Route(f"/{name}/", BuiltPage(dist / name / "index.html"), methods=["GET"]))
    return routes


class BuiltPage:
    """A page that Vite built, or, until it has, a page that says how to build it.

    The latter has status 503: monitors and scripts learn the truth (the address is right, the page is not available
    yet) while a browser shows the explanation all the same.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page, or the explanation."""
        if self._file.is_file():
            # The page names the hashed files, so a browser must ask for it anew each time.
            response: Response = FileResponse(self._file, headers={**HEADERS, "Cache-Control": "no-cache"})
        else:
            headers = {**HEADERS, "Cache-Control": "no-store"}
            response = HTMLResponse(NOT_BUILT, status_code=503, headers=headers)
        await response(scope, receive, send)


class BrowsersToPage:
    """The API, save that a browser which opens its address is led to a page."""

    def __init__(self, app: ASGIApp, *, address: str = "graphiql/") -> None:
        """Wrap `app`; `address` is where the page is, relative to the address of the API."""
        self._app = app
        self._address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect a browser, pass everything else through."""
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and _reads_html(Headers(scope=scope)):
            await RedirectResponse(self._address, status_code=303)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class HashedFiles(StaticFiles):
    """Files whose names hold a hash of their content: they never change, so a browser may keep them for good."""

    async def check_config(self) -> None:
        """Accept that the folder is missing: it may be built while the server runs, and answers 404 until then."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with the common headers, and leave to keep it if it is there."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _reads_html(headers: Headers) -> bool:
    """Say whether the client asks for a page by name; `*/*` alone is a program."""
    ranges = headers.get("accept", "").split(",")
    return any(one.split(";")[0].strip().lower() == "text/html" for one in ranges)
