"""A headless Chromium that a test drives over its debugging pipe: real mouse events, console, screenshots."""

import io
import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
FLAGS = (
    *('--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--hide-scrollbars', '--mute-audio'),
    # WebGL without a graphics card, and nothing of its own over the network
    *('--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-background-networking', '--no-first-run'),
)
PATIENCE_S = 120.0


class Page:
    """One page.

    Attributes:
        complaints: errors and warnings of the console, exceptions of scripts, requests over the network.
    """

    def __init__(self, send_to: int, read_from: int) -> None:
        self._out, self._in, self._buffer, self._number = send_to, read_from, b'', 0
        self.session: str | None = None
        self.complaints: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the DevTools protocol and its answer."""
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        os.write(self._out, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._read()
            if answer.get('id') == self._number:
                if 'error' in answer:
                    raise RuntimeError(f'{method}: {answer["error"]}')
                return answer['result']
            self._hear(answer)

    def open(self, file: Path, *, width: int, height: int) -> None:
        """Load a file and wait until it has drawn."""
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(f'{domain}.enable')
        self.resize(width, height)
        self.call('Page.navigate', url=file.resolve().as_uri())
        self.wait_for("document.readyState === 'complete'")
        self.settle()

    def resize(self, width: int, height: int) -> None:
        """Give the page another window [CSS pixels]."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
        if self.session and self.value('!!document.body'):
            self.settle()

    def value(self, expression: str) -> Any:
        """Of a JavaScript expression, promises awaited."""
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in result:
            raise RuntimeError(str(result['exceptionDetails'])[:400])
        return result['result'].get('value')

    def wait_for(self, expression: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.value(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.05)

    def settle(self) -> None:
        """Let what is asked for be drawn."""
        self.value('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))')

    def click(self, x: float, y: float) -> None:
        """The left button at a place of the window [CSS pixels]."""
        self.drag(x, y, x, y)

    def drag(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """Press the left button, move, let go."""
        held = dict(button='left', clickCount=1)
        self.call('Input.dispatchMouseEvent', type='mousePressed', x=x, y=y, **held)
        if (x, y) != (to_x, to_y):
            self.call('Input.dispatchMouseEvent', type='mouseMoved', x=to_x, y=to_y, button='left', buttons=1)
        self.call('Input.dispatchMouseEvent', type='mouseReleased', x=to_x, y=to_y, **held)
        self.settle()

    def pinch(self, x: float, y: float, apart: float, to_apart: float) -> None:
        """Two fingers around a place, side by side, from one distance to another [CSS pixels]."""
        for kind, distance in (('touchStart', apart), ('touchMove', to_apart), ('touchEnd', None)):
            fingers = [] if distance is None else [(0, x - distance / 2), (1, x + distance / 2)]
            points = [dict(id=number, x=at, y=y) for number, at in fingers]
            self.call('Input.dispatchTouchEvent', type=kind, touchPoints=points)
        self.settle()

    def boxes(self, selector: str) -> list[tuple[float, float, float, float]]:
        """x, y, width, height of every element that is seen [CSS pixels]."""
        found = self.value(
            f"[...document.querySelectorAll('{selector}')].map(c => (({{x, y, width, height}}) => "
            '[x, y, width, height])(c.getBoundingClientRect())).filter(box => box[2] && box[3])'
        )
        return [tuple(box) for box in found]

    def choose(self, name: str, value: object) -> None:
        """Set a control of the page, by its id, as its user would."""
        self.value(
            f"(c => {{ c.value = {value!r}; c.dispatchEvent(new Event(c.tagName === 'SELECT' ? 'change' : 'input')); "
            f"return 1; }})(document.getElementById('{name}'))"
        )
        self.settle()

    def text(self, selector: str) -> str:
        """What an element says."""
        return self.value(f"document.querySelector('{selector}').textContent")

    def screenshot(self) -> np.ndarray:
        """(height, width, 3) uint8."""
        png = b64decode(self.call('Page.captureScreenshot', format='png')['data'])
        return np.asarray(Image.open(io.BytesIO(png)).convert('RGB'))

    def _hear(self, event: dict[str, Any]) -> None:
        method, params = event.get('method'), event.get('params', {})
        if method == 'Runtime.exceptionThrown':
            self.complaints.append(str(params['exceptionDetails'])[:400])
        elif method == 'Log.entryAdded' and params['entry']['level'] in ('error', 'warning'):
            self.complaints.append(params['entry']['text'])
        elif method == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'warning', 'assert'):
            self.complaints.append(str(params['args'])[:400])
        elif method == 'Network.requestWillBeSent' and not params['request']['url'].startswith(('file:', 'data:')):
            self.complaints.append(f'asks for {params["request"]["url"]}')

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while b'\0' not in self._buffer:
            if not select.select([self._in], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError('the browser says nothing')
            if not (read := os.read(self._in, 1 << 20)):
                raise RuntimeError('the browser has gone')
            self._buffer += read
        message, self._buffer = self._buffer.split(b'\0', 1)
        return json.loads(message)


@contextmanager
def opened(file: Path, profile: Path, *, width: int = 1000, height: int = 600) -> Iterator[Page]:
    """A page of its own browser, which is ended afterwards. profile: an empty folder."""
    to_read, our_out = os.pipe()
    our_in, to_write = os.pipe()
    # the browser reads commands at descriptor 3 and answers at 4; the shell puts them there whatever they are here
    command = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
    arguments = [*FLAGS, '--remote-debugging-pipe', f'--user-data-dir={profile}', 'about:blank']
    process = subprocess.Popen(
        ['bash', '-c', command, CHROMIUM, *arguments],
        pass_fds=(to_read, to_write),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        page = Page(our_out, our_in)
        page.open(file, width=width, height=height)
        yield page
    finally:
        process.kill()
        process.wait()
        os.close(our_out)
        os.close(our_in)
