"""`make screenshots`: makes the world, walks its pages, and writes a picture of each into docs/images/."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parents[2] / "docs" / "images"
#: Bytes of one picture, and of all of them together.
MOST, MOST_TOGETHER = 150_000, 3_000_000
_COLOURS = 160


def main() -> None:
    parser = argparse.ArgumentParser(prog="make screenshots ARGS=…", description="Write docs/images/ again.")
    parser.add_argument("names", nargs="*", help="pictures to make; all by default")
    parser.add_argument("--into", type=Path, default=IMAGES, help="where they are written (default: docs/images)")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")
    with tempfile.TemporaryDirectory(prefix="deployer-screenshots-") as name:
        os.environ["DEPLOYER_DATA_DIR"] = str(Path(name) / "settings")
        import django

        django.setup()
        take(Path(name), arguments.into, set(arguments.names))


def take(directory: Path, into: Path, names: set[str]) -> None:
    """Take the pictures with these names."""
    from tests.e2e.browser import browser
    from tests.screenshots.pictures import PICTURES
    from tests.world.walk import pages
    from tests.world.web import sign_in, world

    into.mkdir(parents=True, exist_ok=True)
    with world(directory) as web, browser(directory / "chromium") as driver:
        sign_in(driver, web)
        paths = {page.name: page.path for page in pages(web.keys)}
        for each in PICTURES:
            if names and each.name not in names:
                continue
            path = each.path.format(**web.keys) or paths[each.page]
            data = picture(driver, web.address + path, each)
            (into / f"{each.name}.png").write_bytes(data)
            if len(data) > MOST:
                sys.exit(f"{each.name}.png has {len(data):,} bytes: make it less tall, or show less (most: {MOST:,}).")


def picture(driver: Any, address: str, wanted: Any) -> bytes:
    """A page as PNG with few colours."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    from tests.e2e.browser import still

    width = 390 if wanted.phone else 1280
    metrics = {"width": width, "height": wanted.tall, "deviceScaleFactor": 1, "mobile": wanted.phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if wanted.dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(address)
    WebDriverWait(driver, 20).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, wanted.ready))
    still(driver)
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    return few_colours(b64decode(shot["data"]))


def few_colours(data: bytes) -> bytes:
    """The same picture with a palette: a fifth of the bytes, and nobody sees it."""
    from PIL import Image

    into = io.BytesIO()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(into, "PNG", optimize=True)
    return into.getvalue()


if __name__ == "__main__":
    main()
