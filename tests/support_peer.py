"""Somebody at the other end of a live head: a WebRTC peer in Python that keeps what it is sent."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request

import numpy as np


def until(condition, what, seconds=60.0):
    """Wait, polling."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)


def asked(url, path, body=None, headers=None, method=None):
    """Status and answer of a request."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url + path, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Peer:
    """Connects, and collects pictures ``[H, W, 3]`` and sound at 48 kHz until ``close``."""

    def __init__(self, url, codec="VP8", headers=None, **offer):
        self.url, self.codec, self.headers = url, codec, headers or {}
        self.pictures, self.sound, self.told = [], [], []
        self.tasks = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.answer = self.run(self._connect(offer))
        self.session = self.answer["session"]

    def run(self, work, seconds=60):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    async def _connect(self, offer):
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription

        self.connection = peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        video = peer.addTransceiver("video", direction="recvonly")
        codecs = RTCRtpReceiver.getCapabilities("video").codecs
        video.setCodecPreferences([one for one in codecs if one.mimeType == f"video/{self.codec}"])
        peer.addTransceiver("audio", direction="recvonly")
        self.channel, opened = peer.createDataChannel("head"), asyncio.Event()
        self.channel.on("open", opened.set)
        self.channel.on("message", lambda text: self.told.append(json.loads(text)))
        peer.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self._keep(track))))
        await peer.setLocalDescription(await peer.createOffer())
        body = {"sdp": peer.localDescription.sdp, **offer}
        status, answer = await self.loop.run_in_executor(
            None, lambda: asked(self.url, "/offer", body, self.headers, "POST")
        )
        answer = json.loads(answer)
        assert status == 200, answer
        await peer.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))
        await opened.wait()
        return answer

    async def _keep(self, track):
        from aiortc.mediastreams import MediaStreamError

        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.pictures.append(frame.to_ndarray(format="rgb24"))
                else:
                    self.sound.append(frame.to_ndarray().reshape(-1, 2)[:, 0])
        except MediaStreamError:
            return

    def send(self, **message):
        self.loop.call_soon_threadsafe(self.channel.send, json.dumps(message))

    @property
    def samples(self):
        return np.concatenate(self.sound) / 32768 if self.sound else np.zeros(0)

    async def _close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.connection.close()

    def close(self):
        self.run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
