"""Open Job Description templates: what becomes of one that fits, and how each that does not is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.errors import InvalidInput, TooLarge
from jobs.frames import FrameRange
from jobs.openjd import MAX_TEMPLATE_CHARS, InvalidTemplate, UnsupportedTemplate, import_template, importing, reading
from jobs.openjd.refusals import pointer_to
from tests.jobs.openjd_templates import RENDER, action_of, render, text_of, with_args, with_film

SCENE = ("-b", "{{Param.Scene}}")
FRAME = ("-f", "{{Task.Param.Frame}}")
ARGS = "/steps/0/script/actions/onRun/args"
FILM_ARGS = "/steps/1/script/actions/onRun/args"


def refused(text: str, **parameters: Any) -> dict[str, str]:
    """Where -> why."""
    with pytest.raises(UnsupportedTemplate) as error:
        import_template(text, parameters)
    found: Any = error.value.details["unsupported"]
    return {each["pointer"]: each["reason"] for each in found}


def invalid(text: str, **parameters: Any) -> str:
    with pytest.raises(InvalidTemplate) as error:
        import_template(text, parameters)
    return error.value.message


class TestAJob:
    def test_a_render_step_becomes_frames_settings_and_names(self) -> None:
        found = import_template(RENDER, {})
        assert (found.name, found.scene, found.frames) == ("shot 010", "scenes/shot010.blend", "1-10")
        assert found.settings == {"format": "exr"}
        assert found.naming == "shot_{frame:04d}"
        assert found.output == "/renders/010/shot_####"
        assert found.frame_timeout_s == 600
        assert found.video is None

    def test_given_parameters_take_the_place_of_the_defaults(self) -> None:
        found = import_template(
            RENDER, {"Title": "night", "Scene": "C:\\shots\\night.blend", "Frames": "5", "Quality": 3}
        )
        assert (found.name, found.scene, found.frames) == ("night", "C:\\shots\\night.blend", "5")

    def test_json_is_a_template_too(self) -> None:
        assert import_template(json.dumps(render(), indent="\t"), {}) == import_template(RENDER, {})

    @pytest.mark.parametrize(
        ("asked", "frames"),
        [
            ("1-9:4,20", "1,5,9,20"),
            ("10-1:-3", "1,4,7,10"),
            ("-3--1", "-3,-2,-1"),
            ([3, "1", "{{Param.Quality}}"], "1,2,3"),
        ],
    )
    def test_a_range_has_the_frames_that_openjd_gives_it(self, asked: Any, frames: str) -> None:
        template = render()
        template["steps"][0]["parameterSpace"]["taskParameterDefinitions"][0]["range"] = asked
        found = import_template(text_of(template), {})
        assert list(FrameRange.parse(found.frames)) == [int(each) for each in frames.split(",")]

    @pytest.mark.parametrize(
        ("args", "settings"),
        [
            (("-F", "PNG"), {"format": "png"}),
            (("-F", "JPEG"), {"format": "jpeg"}),
            (("-F", "OPEN_EXR_MULTILAYER"), {"format": "exr", "multilayer": True}),
            (("-E", "CYCLES"), {"engine": "cycles"}),
            (("--engine", "BLENDER_EEVEE_NEXT"), {"engine": "eevee"}),
            (("-x", "1", "-noaudio", "--disable-autoexec"), {}),
        ],
    )
    def test_options_of_blender_become_settings(self, args: tuple[str, ...], settings: dict[str, Any]) -> None:
        assert import_template(with_args(*SCENE, *args, *FRAME), {}).settings == settings

    @pytest.mark.parametrize(
        ("output", "naming"),
        [
            ("//render/", None),
            ("//####", None),
            ("shot_", "shot_{frame:04d}"),
            ("D:\\out\\a_##_b", "a_{frame:02d}_b"),
            ("/out/a.####.png", "a.{frame:04d}"),
        ],
    )
    def test_the_output_names_the_files_as_blender_would(self, output: str, naming: str | None) -> None:
        assert import_template(with_args(*SCENE, "-o", output, *FRAME), {}).naming == naming

    def test_the_program_may_stand_with_its_path(self) -> None:
        template = render()
        action_of(template)["command"] = "C:\\Program Files\\Blender\\blender.exe"
        assert import_template(text_of(template), {}).frames == "1-10"


class TestRefusals:
    @pytest.mark.parametrize(
        ("args", "pointer", "why"),
        [
            ((*SCENE, "-P", "evil.py", *FRAME), f"{ARGS}/2", "scripts never run"),
            ((*SCENE, "--python-expr", "import os", *FRAME), f"{ARGS}/2", "scripts never run"),
            ((*SCENE, "-y", *FRAME), f"{ARGS}/2", "scripts in a scene never run"),
            ((*SCENE, "-S", "Second", *FRAME), f"{ARGS}/2", "the scene that is active"),
            ((*SCENE, "-F", "TIFF", *FRAME), f"{ARGS}/3", "the format 'TIFF'"),
            ((*SCENE, "-E", "LUXCORE", *FRAME), f"{ARGS}/3", "the engine 'LUXCORE'"),
            ((*SCENE, "-x", "0", *FRAME), f"{ARGS}/3", "-x 1"),
            ((*SCENE, "-o", "a_##_##", *FRAME), f"{ARGS}/3", "one run of #"),
            ((*SCENE, "-o", "{job}", *FRAME), f"{ARGS}/3", "no braces"),
            ((*SCENE, "-o", "f_{{Task.Param.Frame}}", *FRAME), f"{ARGS}/3", "Task.Param.Frame"),
            ((*SCENE, *FRAME, "-F", "PNG"), f"{ARGS}/4", "behind -f"),
            ((*SCENE, *FRAME, "--", "--cycles-device", "CUDA"), f"{ARGS}/4", "behind -f"),
            ((*SCENE, "-f", "7"), f"{ARGS}/3", "the frame of the task"),
            ((*SCENE, "-s", "1", "-e", "9", "-a"), f"{ARGS}/2", "parameter space"),
            ((*SCENE, "second.blend", *FRAME), f"{ARGS}/2", "neither an option nor the one scene"),
            (("-F", "PNG", *SCENE, *FRAME), f"{ARGS}/3", "undone by loading it"),
            (("-b", "scene.ma", *FRAME), f"{ARGS}/1", "no .blend"),
            (("{{Param.Scene}}", *FRAME), "/steps/0/script/actions/onRun", "lacks -b"),
            (SCENE, "/steps/0/script/actions/onRun", "lacks -f"),
            ((*SCENE, *FRAME, "-F"), f"{ARGS}/4", "behind -f"),
            ((*SCENE, "-F", "{{Session.WorkingDirectory}}", *FRAME), f"{ARGS}/3", "Session.WorkingDirectory"),
            ((*SCENE, "-o", "a", "-o", "b", *FRAME), f"{ARGS}/4", "stands twice"),
        ],
    )
    def test_a_command_line_that_would_render_something_else_is_refused_where_it_does(
        self, args: tuple[str, ...], pointer: str, why: str
    ) -> None:
        assert why in refused(with_args(*args))[pointer]

    def test_an_option_that_a_parameter_brings_in_is_refused_like_one_that_stands_there(self) -> None:
        text = with_args(*SCENE, "{{Param.Title}}", *FRAME)
        assert "scripts never run" in refused(text, Title="--python-expr")[f"{ARGS}/2"]

    @pytest.mark.parametrize(
        ("place", "value", "pointer"),
        [
            ((), {"jobEnvironments": [{"name": "e", "variables": {"A": "b"}}]}, "/jobEnvironments"),
            (("steps", 0), {"stepEnvironments": [{"name": "e", "variables": {"A": "b"}}]}, "/steps/0/stepEnvironments"),
            (
                ("steps", 0),
                {"hostRequirements": {"amounts": [{"name": "amount.worker.vcpu", "min": 8}]}},
                "/steps/0/hostRequirements",
            ),
            (
                ("steps", 0, "script"),
                {"embeddedFiles": [{"name": "Run", "type": "TEXT", "data": "rm -rf /"}]},
                "/steps/0/script/embeddedFiles",
            ),
            (
                ("steps", 0, "script", "actions", "onRun"),
                {"cancelation": {"mode": "TERMINATE"}},
                "/steps/0/script/actions/onRun/cancelation",
            ),
            (
                ("steps", 0, "script", "actions", "onRun"),
                {"command": "bash"},
                "/steps/0/script/actions/onRun/command",
            ),
            (("steps", 0, "parameterSpace"), {"combination": "Frame"}, "/steps/0/parameterSpace/combination"),
            ((), {"extensions": ["TASK_CHUNKING"]}, "/extensions"),
        ],
    )
    def test_a_construct_that_is_not_imported_is_named_with_its_place(
        self, place: tuple[Any, ...], value: dict[str, Any], pointer: str
    ) -> None:
        template = here = render()
        for part in place:
            here = here[part]
        here.update(value)
        assert pointer in refused(text_of(template))

    def test_every_refused_construct_is_named_at_once(self) -> None:
        template = render()
        template["jobEnvironments"] = [{"name": "e", "variables": {"A": "b"}}]
        action_of(template)["args"].insert(2, "-y")
        assert refused(text_of(template)).keys() == {"/jobEnvironments", f"{ARGS}/2"}

    def test_a_second_parameter_is_no_frame(self) -> None:
        template = render()
        tasks = template["steps"][0]["parameterSpace"]["taskParameterDefinitions"]
        tasks.append({"name": "Camera", "type": "STRING", "range": ["A", "B"]})
        assert refused(text_of(template)).keys() == {"/steps/0/parameterSpace/taskParameterDefinitions/1"}

    def test_a_step_without_frames_or_with_others_than_whole_numbers_is_refused(self) -> None:
        template = render()
        task = template["steps"][0]["parameterSpace"]["taskParameterDefinitions"][0]
        task.update(type="FLOAT", range=[1.5, 2.5])
        assert refused(text_of(template)).keys() == {"/steps/0/parameterSpace/taskParameterDefinitions/0/type"}
        del template["steps"][0]["parameterSpace"]
        action_of(template)["args"] = [*SCENE, "-f", "1"]
        assert refused(text_of(template)).keys() == {"/steps/0"}


class TestAFilm:
    def test_a_step_of_ffmpeg_over_the_frames_is_the_film_of_the_job(self) -> None:
        film = import_template(with_film(), {}).video
        assert film is not None
        assert (film.fps, film.codec, film.audio) == (24, "h264", "none")

    def test_the_rate_is_that_of_ffmpeg_where_none_is_named(self) -> None:
        film = import_template(
            with_film("-i", "{{Param.Out}}/shot_%04d.exr", "-c:v", "prores_ks", "film.mov"), {}
        ).video
        assert film is not None
        assert (film.fps, film.codec) == (25, "prores")

    @pytest.mark.parametrize(
        ("args", "at", "why"),
        [
            (("-i", "/etc/passwd", "f.mp4"), 1, "not what the step before it writes"),
            (("-i", "{{Param.Out}}/shot_%05d.exr", "f.mp4"), 1, "not what the step before it writes"),
            (("-i", "{{Param.Out}}/shot_%04d.exr", "f.gif"), 2, ".mp4"),
            (("-i", "{{Param.Out}}/shot_%04d.exr", "-c:v", "gif", "f.mp4"), 3, "the codec"),
            (("-i", "{{Param.Out}}/shot_%04d.exr", "-vf", "scale=2:2", "f.mp4"), 2, "not imported"),
            (("-i", "{{Param.Out}}/shot_%04d.exr", "-pix_fmt", "yuv444p", "f.mp4"), 3, "yuv420p"),
            (("-framerate", "1/0", "-i", "{{Param.Out}}/shot_%04d.exr", "f.mp4"), 1, "no rate"),
            (("-framerate", "999", "-i", "{{Param.Out}}/shot_%04d.exr", "f.mp4"), 1, "0.01 to 240"),
            (("-start_number", "5", "-i", "{{Param.Out}}/shot_%04d.exr", "f.mp4"), 1, "the first frame is 1"),
            (("-i", "{{Param.Out}}/shot_%04d.exr", "-r", "12", "f.mp4"), 2, "before -i"),
        ],
    )
    def test_another_film_than_of_the_frames_is_refused(self, args: tuple[str, ...], at: int, why: str) -> None:
        assert why in refused(with_film(*args))[f"{FILM_ARGS}/{at}"]

    def test_a_second_step_that_is_no_film_or_does_not_follow_the_frames_is_refused(self) -> None:
        upload = {"actions": {"onRun": {"command": "aws", "args": ["s3", "sync"]}}}
        assert "/steps/1/script/actions/onRun/command" in refused(with_film(script=upload))
        assert "depends on Render" in refused(with_film(dependencies=None))["/steps/1"]


class TestParameters:
    @pytest.mark.parametrize(
        ("parameters", "why"),
        [({"Quality": 9}, "at most 3"), ({"Quality": "many"}, "Quality"), ({"Camera": "A"}, "Camera")],
    )
    def test_values_that_openjd_refuses_are_refused_in_its_words(self, parameters: dict[str, Any], why: str) -> None:
        assert why in invalid(RENDER, **parameters)

    def test_a_parameter_without_default_must_be_given(self) -> None:
        template = render()
        del template["parameterDefinitions"][1]["default"]
        assert "Scene" in invalid(text_of(template))

    @pytest.mark.parametrize("frames", ["1-99999999999999999999999999", "1-2000000000", "1-1000001"])
    def test_a_range_beyond_the_farm_costs_nothing_and_is_refused(self, frames: str) -> None:
        assert "1,000,000 frames" in invalid(RENDER, Frames=frames)

    @pytest.mark.parametrize("frames", ["", "all", "1-5,3-9", "5-1", "1-5:0"])
    def test_a_range_that_is_none_is_refused_with_its_place(self, frames: str) -> None:
        assert invalid(RENDER, Frames=frames).startswith("/steps/0/parameterSpace/taskParameterDefinitions/0/range")

    def test_a_frame_that_no_renderer_has_is_refused(self) -> None:
        with pytest.raises(InvalidInput):
            import_template(RENDER, {"Frames": "999999999"})


class TestHostileText:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchor"),
            ("a: &a {x: 1}\n<<: *a", "anchor"),
            ("<<: {a: 1}", "merge key"),
            ("a: !!python/object/apply:os.system ['id']", "tag"),
            ("a: !!binary aGk=", "tag"),
            ("a: 1\na: 2", "stands twice"),
            ('{"a": 1, "a": 2}', "stands twice"),
            ('{"a": NaN}', "NaN"),
            ('{"a": "\\ud800"}', "neither YAML nor JSON"),
            ("1: 2", "no text"),
            ("? [a]\n: 1", "stands for a key"),
            ("[" * 60_000, "levels deep"),
            ('{"a": ' + "[" * 40_000, "neither YAML nor JSON"),
            ('{"a": ' + "[" * 40 + "]" * 40 + "}", "levels deep"),
            ("a: b\n---\nc: d", "neither YAML nor JSON"),
            ("a: " + "9" * 5000, "neither YAML nor JSON"),
            ("a: \x00", "neither YAML nor JSON"),
            ("- a", "key-value pairs"),
            ("", "key-value pairs"),
            ("specificationVersion: [a]", "Unknown template version"),
            ("specificationVersion: environment-2023-09", "not a Job Template"),
            ("a: 1", "specificationVersion"),
            ("specificationVersion: jobtemplate-2023-09\nname: 3\nsteps: {a: b}", "steps"),
        ],
    )
    def test_text_that_is_no_plain_template_is_refused(self, text: str, why: str) -> None:
        assert why in invalid(text)

    def test_places_are_written_out_for_refusals_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A list of 20,000 items below a key as long as that was ten seconds of work."""
        written: list[str] = []

        def noted(*path: str | int) -> str:
            written.append(pointer_to(*path))
            return written[-1]

        monkeypatch.setattr(reading, "pointer_to", noted)
        reading.read_template("? " + "/" * 100 + "\n: [1, 2, 3]")
        assert written == []
        assert "At /ab/2 stands an anchor" in invalid("ab: [1, 2, *c]")
        assert written == ["/ab/2"]

    @pytest.mark.parametrize("write", [text_of, json.dumps], ids=["yaml", "json"])
    @pytest.mark.parametrize(
        ("arg", "why"),
        [
            ("{{P.X}}" * 8500, "more than 100 expressions"),
            ("{{" + ".".join(["Task"] * 12_000) + "}}", "over 128 characters"),
            ("{{" + "Task" * 12_000, "over 128 characters"),
        ],
        ids=["many unknown names", "one long name", "one without an end"],
    )
    def test_expressions_beyond_the_limits_do_not_come_before_the_library(
        self, monkeypatch: pytest.MonkeyPatch, arg: str, why: str, write: Any
    ) -> None:
        """Its work grows with the square of what goes wrong."""
        asked: list[Any] = []
        monkeypatch.setattr(importing, "decode_job_template", lambda **options: asked.append(options))
        template = render()
        action_of(template)["args"] = [arg]
        assert why in invalid(write(template))
        assert asked == []

    def test_an_expression_behind_escapes_counts_too(self) -> None:
        assert "more than 100 expressions" in invalid('{"name": "' + "\\u007b\\u007bP.X}}" * 101 + '"}')

    def test_as_many_expressions_as_are_allowed_are_read(self) -> None:
        template = render()
        action_of(template)["args"] = ["{{P.X}}" * 90]
        assert "does not exist" in invalid(text_of(template))

    def test_text_beyond_the_limit_is_not_read(self) -> None:
        with pytest.raises(TooLarge):
            import_template("#" * (MAX_TEMPLATE_CHARS + 1), {})
