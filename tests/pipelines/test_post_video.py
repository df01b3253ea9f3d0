"""Films in each codec: frames, rate and colours come back; what cannot be encoded is refused by name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from jobs.errors import InvalidInput
from jobs.post_steps import VideoCodec
from pipelines.post import video
from pipelines.post.video import FILM_CONTAINERS, available_codecs, encode_video

WIDTH, HEIGHT = 64, 48
COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (120, 120, 120)]
COLOUR_LEVELS = 6
"""Of 255, that a flat colour may move on its way through 8-bit 4:2:0. Rec. 601 for 709 would move green by 20."""
REC709 = 1


def frames(folder: Path) -> list[Path]:
    paths = []
    for number, colour in enumerate(COLOURS):
        path = folder / f"{number:04d}.png"
        Image.new("RGB", (WIDTH, HEIGHT), colour).save(path)
        paths.append(path)
    return paths


@pytest.mark.parametrize("codec", available_codecs())
def test_a_film_plays_back_as_the_frames_were(tmp_path: Path, codec: VideoCodec) -> None:
    container = FILM_CONTAINERS[codec]
    target = tmp_path / f"film.{container}"
    facts = encode_video(frames(tmp_path), target, container=container, codec=codec, fps=12.5)
    assert (facts.width, facts.height) == (WIDTH, HEIGHT)
    with av.open(str(target)) as film:
        stream = film.streams.video[0]
        assert stream.codec_context.name.replace("libdav1d", "av1") == codec
        assert stream.average_rate == Fraction(25, 2)
        assert stream.codec_context.colorspace == REC709
        shown = [frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray() for frame in film.decode(stream)]
    assert len(shown) == len(COLOURS)
    for picture, colour in zip(shown, COLOURS, strict=True):
        assert np.abs(picture[8:-8, 8:-8].astype(int) - np.array(colour)).max() <= COLOUR_LEVELS


def test_a_codec_without_an_encoder_is_refused_with_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "_encodes", lambda name: name == "libx264")
    with pytest.raises(InvalidInput, match=r"no encoder for av1.*h264\.$"):
        encode_video(frames(tmp_path), tmp_path / "a.mp4", container="mp4", codec="av1", fps=24)
    assert not list(tmp_path.glob("a.mp4*"))


def test_prores_does_not_go_into_mp4(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="goes into mov"):
        encode_video(frames(tmp_path), tmp_path / "a.mp4", container="mp4", codec="prores", fps=24)


@pytest.mark.parametrize("container", ["webm", "gif"])
def test_previews_are_made_as_before(tmp_path: Path, container: str) -> None:
    target = tmp_path / f"a.{container}"
    encode_video(frames(tmp_path), target, container=container, fps=24)
    with av.open(str(target)) as film:
        assert sum(1 for _ in film.decode(video=0)) == len(COLOURS)


def test_h264_hevc_and_prores_are_there() -> None:
    """The wheel of PyAV that the farm pins has them; a build without is noticed here, not by a user."""
    assert {"h264", "hevc", "prores"} <= set(available_codecs())
