"""A scene's sound: found by the probe, mixed by a throwaway process, heard in the film where it was in the scene."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from jobs.errors import InvalidInput
from jobs.post_steps import VideoCodec
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport
from pipelines.base import ModelFiles
from pipelines.film_sound import mix_sound, why_silent
from pipelines.host import EngineHost
from pipelines.post.video import FILM_CONTAINERS, Container, encode_video
from pipelines.probe_run import probe_model
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from tests.pipelines.build_sound import FPS, FRAMES, RATE_HZ, TONE_HZ
from tests.pipelines.conftest import run_blender

QUIET, LOUD = 50.0, 4000.0
"""Root mean square of 16-bit samples: silence after a lossy codec, and a tone of amplitude 16,000 in two channels."""


@pytest.fixture(scope="module")
def sound_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    run_blender("build_sound.py", folder)
    return folder


def model(folder: Path, name: str = "silent_then_tone") -> ModelFiles:
    return ModelFiles(digest="5" * 64, root=folder, main=f"{name}.blend")


async def probe(folder: Path, name: str, workdir: Path) -> ProbeReport:
    files = tuple(
        ManifestFile(path=each, digest=hashlib.sha256((folder / each).read_bytes()).hexdigest(), size_bytes=1)
        for each in (f"{name}.blend", "tone.wav")
    )
    return await probe_model(
        model(folder, name),
        pipeline=get_pipeline("cycles"),
        manifest=Manifest(kind=ModelKind.BLENDER, main=f"{name}.blend", files=files),
        workdir=workdir,
        settings=EngineSettings(),
    )


def samples_of(path: Path) -> npt.NDArray[np.float64]:
    """(time, channel), as a player hears it."""
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE_HZ)
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    joined = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])
    return joined.astype(np.float64)


def loudness(samples: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def pitch_hz(samples: npt.NDArray[np.float64]) -> float:
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE_HZ / len(samples))


def pictures(folder: Path, count: int) -> list[Path]:
    for number in range(count):
        Image.new("RGB", (32, 18), (number * 8 % 256, 0, 0)).save(folder / f"{number:04}.png")
    return sorted(folder.glob("????.png"))


def tone(path: Path, *, rate: int = RATE_HZ, channels: int = 2, seconds: float = 1.0) -> Path:
    wave_ = np.sin(2 * np.pi * TONE_HZ * np.arange(int(rate * seconds)) / rate) * 16_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(wave_.astype("<i2"), channels).tobytes())
    return path


async def mixed_sound(scenes: Path, tmp_path: Path, *, first: int = 1) -> Path:
    """Of the scene from this frame to its last."""
    return await mix_sound(
        model(scenes),
        pipeline=get_pipeline("cycles"),
        first=first,
        last=FRAMES,
        workdir=tmp_path / "mix",
        settings=EngineSettings(),
    )


class TestMix:
    async def test_an_engine_that_swaps_its_mix_for_a_link_gets_no_other_file_into_the_film(
        self, sound_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secret = tone(tmp_path / "secret.wav")
        kill = EngineHost.kill

        async def swap_and_kill(host: EngineHost) -> None:
            [mixed] = (tmp_path / "mix").rglob("*.wav")
            mixed.unlink()
            mixed.symlink_to(secret)
            await kill(host)

        monkeypatch.setattr(EngineHost, "kill", swap_and_kill)
        with pytest.raises(InvalidInput, match="cannot be read"):
            await mixed_sound(sound_scenes, tmp_path)

    async def test_the_second_half_of_the_scene_sounds_and_the_first_does_not(
        self, sound_scenes: Path, tmp_path: Path
    ) -> None:
        mixed = await mixed_sound(sound_scenes, tmp_path)
        heard = samples_of(mixed)[: RATE_HZ * FRAMES // FPS]
        half = len(heard) // 2
        assert loudness(heard[: half - RATE_HZ // FPS]) < QUIET
        assert loudness(heard[half + RATE_HZ // FPS :]) > LOUD
        assert pitch_hz(heard[half + RATE_HZ // FPS :]) == pytest.approx(TONE_HZ, abs=5)

    async def test_a_part_of_the_scene_begins_with_its_own_first_frame(
        self, sound_scenes: Path, tmp_path: Path
    ) -> None:
        mixed = await mixed_sound(sound_scenes, tmp_path, first=FRAMES // 2 + 2)
        assert loudness(samples_of(mixed)[: RATE_HZ // FPS]) > LOUD

    async def test_a_scene_that_does_not_open_is_refused_in_words(self, tmp_path: Path) -> None:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "damaged.blend").write_bytes(b"BLENDER-v405" + bytes(100))
        with pytest.raises(InvalidInput, match="sound cannot be mixed") as refusal:
            await mix_sound(
                model(tmp_path / "model", "damaged"),
                pipeline=get_pipeline("cycles"),
                first=1,
                last=2,
                workdir=tmp_path / "mix",
                settings=EngineSettings(),
            )
        assert "audio `none`" in str(refusal.value.remedy)


class TestProbe:
    @pytest.mark.parametrize(("name", "sound"), [("silent_then_tone", True), ("muted", False)])
    async def test_it_tells_whether_there_is_anything_to_hear(
        self, sound_scenes: Path, tmp_path: Path, name: str, sound: bool
    ) -> None:
        report = await probe(sound_scenes, name, tmp_path / "work")
        assert report.details["sound"] is sound
        assert report.fps == FPS


FACTS: dict[str, Any] = {"fps": 24.0, "details": {"sound": True}}


@pytest.mark.parametrize(
    ("pipeline", "facts", "numbers", "fps", "words"),
    [
        ("cycles", FACTS, [3, 4, 5], 24.0, None),
        ("cycles", FACTS, [5, 3, 4], 24.0, None),
        ("cycles", FACTS, [1, 3, 5], 24.0, "do not follow each other"),
        ("cycles", FACTS, [1, 2], 12.0, "12 frames a second, and the scene 24"),
        ("cycles", {"fps": 24.0, "details": {"sound": False}}, [1, 2], 24.0, "the scene has no sound"),
        ("cycles", {"fps": 24.0}, [1, 2], 24.0, "the scene has no sound"),
        ("cycles", FACTS, range(24 * 3600 * 5), 24.0, "longer than 4 hours"),
        ("mitsuba", FACTS, [1, 2], 24.0, "pipeline mitsuba has no sound"),
    ],
)
def test_what_keeps_a_film_silent_is_said(
    pipeline: str, facts: dict[str, Any], numbers: Any, fps: float, words: str | None
) -> None:
    found = why_silent(get_pipeline(pipeline), facts, numbers=numbers, fps=fps)
    assert (found is None) if words is None else (found is not None and words in found)


class TestFilm:
    @pytest.mark.parametrize(
        ("codec", "container"),
        [(codec, container) for codec, container in FILM_CONTAINERS.items() if codec != "av1"] + [("h264", "webm")],
    )
    def test_sound_is_as_long_as_the_pictures_and_of_its_pitch(
        self, tmp_path: Path, codec: VideoCodec, container: Container
    ) -> None:
        target = tmp_path / f"film.{container}"
        sound = tone(tmp_path / "tone.wav", seconds=3)
        encode_video(pictures(tmp_path, 24), target, container=container, codec=codec, fps=24, sound=sound)
        with av.open(str(target)) as film:
            assert sum(1 for _ in film.decode(video=0)) == 24
        heard = samples_of(target)
        assert len(heard) == pytest.approx(RATE_HZ, abs=RATE_HZ // 20)  # a second, but for the codec's own frames
        assert pitch_hz(heard[RATE_HZ // 10 : -RATE_HZ // 10]) == pytest.approx(TONE_HZ, abs=5)

    def test_sound_that_ends_before_the_pictures_leaves_them_all(self, tmp_path: Path) -> None:
        sound = tone(tmp_path / "tone.wav", seconds=0.25)
        encode_video(pictures(tmp_path, 24), tmp_path / "film.mp4", container="mp4", fps=24, sound=sound)
        with av.open(str(tmp_path / "film.mp4")) as film:
            assert sum(1 for _ in film.decode(video=0)) == 24
        assert len(samples_of(tmp_path / "film.mp4")) < RATE_HZ // 2

    def test_a_gif_stays_silent(self, tmp_path: Path) -> None:
        sound = tone(tmp_path / "tone.wav")
        encode_video(pictures(tmp_path, 3), tmp_path / "film.gif", container="gif", fps=24, sound=sound)
        with av.open(str(tmp_path / "film.gif")) as film:
            assert not film.streams.audio

    @pytest.mark.parametrize(
        "make",
        [
            lambda path: path.write_bytes(b"RIFF" + bytes(100)),
            lambda path: path.write_bytes(b""),
            lambda path: tone(path, rate=44_100),
            lambda path: tone(path, channels=1),
        ],
    )
    def test_sound_of_another_format_is_refused_and_no_half_film_stays(
        self, tmp_path: Path, make: Callable[[Path], object]
    ) -> None:
        make(tmp_path / "sound.wav")
        with pytest.raises(InvalidInput, match="scene's sound is n"):
            encode_video(
                pictures(tmp_path, 2), tmp_path / "film.mp4", container="mp4", fps=24, sound=tmp_path / "sound.wav"
            )
        assert not list(tmp_path.glob("film*"))
