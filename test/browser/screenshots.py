"""Makes the pictures of the documentation: ``python -m test.browser.screenshots DIRECTORY``."""

import io
import sys
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image

from test.browser import demo, stories
from test.browser.chrome import DESKTOP, PHONE, Watched, chromium, expect
from test.browser.scene import Call, Scene

SESSION = "5f1d8a52-claude"
#: Bytes that a picture may have at most.
LARGEST = 200_000


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    scene = Scene(prepare=demo.fill)
    gate = threading.Event()
    try:
        calling = scene.begin(hanging(gate))
        scene.until(lambda: scene.get("/api/health")["in_flight"] == 1, "the call in flight")
        time.sleep(3)
        take_all(scene, directory)
        gate.set()
        calling.join(30)
    finally:
        gate.set()
        scene.close()


def hanging(gate: threading.Event) -> Call:
    """Make a call that is in flight while the pictures are made."""
    call = stories.claude_session()[1]
    return Call(
        call.path, call.body, stories.Reply(call.reply.pieces, headers=call.reply.headers, gate=gate), call.headers
    )


def take_all(scene: Scene, directory: Path) -> None:
    """Make each picture."""
    dearest = scene.get("/api/requests?q=sort:-cost&limit=1")["requests"][0]
    pages = {
        "requests": f"/calls?q=sort:-cost&sel={dearest['session_id']}/{dearest['seq']}",
        "sessions": f"/sessions?sel={SESSION}",
        "exchange": f"/x/{SESSION}/3",
        "request": f"/x/{SESSION}/5?view=request",
        "session": f"/s/{SESSION}",
        "diff": f"/diff/{SESSION}/3/4",
        "overview": "/overview",
    }
    # First those in which a call is in flight, which does not hang for ever.
    shoot(watched(scene, viewport=DESKTOP, color_scheme="dark"), "/calls", directory / "dark.png")
    phone = watched(scene, viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    shoot(phone, "/calls", directory / "phone.png")
    light = watched(scene, viewport=DESKTOP, color_scheme="light")
    for name, path in pages.items():
        shoot(light, path, directory / f"{name}.png")
    # Tall enough for what the newest prompt was made of, below the sums.
    tall = watched(scene, viewport={**DESKTOP, "height": 1240}, color_scheme="light")
    shoot(tall, f"/s/{SESSION}?view=costs", directory / "costs.png")


def watched(scene: Scene, **options: Any) -> Watched:
    """Open a context."""
    context = chromium().new_context(timezone_id="Europe/Zurich", locale="en-GB", **options)
    return Watched(context, scene.api)


def shoot(context: Watched, path: str, target: Path) -> None:
    """Make one picture, with few colours so that it stays small."""
    page = context.page(path)
    if path == "/calls":
        expect(page.locator("tr.run")).to_have_count(1)
        expect(page.locator("#live")).to_have_text("live")
    # Pictures have no scroll bars, and need no room for them.
    page.evaluate("document.documentElement.style.scrollbarGutter = 'auto'")
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    if faults := context.faults():
        raise SystemExit(f"{path}: {faults}")
    if size > LARGEST:
        raise SystemExit(f"{target} has {size} bytes")
    print(f"{target} {size // 1000} kB")


if __name__ == "__main__":
    main()
