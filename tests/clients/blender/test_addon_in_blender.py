"""The add-on inside Blender, without a farm: switched on and off, what it asks for, what it refuses before it sends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Blender = Callable[..., dict[str, Any]]

LIBRARY_AND_TEXTURE = """
shared = Path("shared"); shared.mkdir(exist_ok=True)
show = Path("show"); show.mkdir(exist_ok=True)
image = bpy.data.images.new("Wood", 8, 8)
image.filepath_raw = str((show / "wood.png").absolute()); image.file_format = "PNG"; image.save()
bpy.data.images.remove(image)
bpy.ops.mesh.primitive_monkey_add(); bpy.context.object.name = "Ape"
bpy.data.libraries.write(str((shared / "ape.blend").absolute()), {bpy.data.objects["Ape"]})
bpy.data.objects.remove(bpy.data.objects["Ape"])
scene = bpy.context.scene
bpy.ops.wm.save_as_mainfile(filepath=str((show / "shot.blend").absolute()))
image = bpy.data.images.load("//wood.png", check_existing=True)
material = bpy.data.materials["Material"]; material.use_nodes = True
node = material.node_tree.nodes.new("ShaderNodeTexImage"); node.image = image
material.node_tree.links.new(node.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs[0])
with bpy.data.libraries.load(str((shared / "ape.blend").absolute()), link=True, relative=True) as (source, target):
    target.objects = ["Ape"]
scene.collection.objects.link(target.objects[0])
bpy.ops.wm.save_mainfile()
"""
"""A shot with a texture beside it and a library in a folder beside its own, both referred to relatively."""


def test_it_can_be_switched_on_off_and_on_again_and_leaves_no_thread_and_no_timer(blender: Blender) -> None:
    facts = blender("""
        import threading
        bpy.ops.preferences.addon_disable(module=ADDON)
        tell(
            properties=hasattr(bpy.types.Scene, "rayfarm"),
            timer=bpy.app.timers.is_registered(runtime.pump),
            threads=[thread.name for thread in threading.enumerate() if thread.name.startswith("rayfarm")],
        )
        bpy.ops.preferences.addon_enable(module=ADDON)
        tell(again=bpy.context.scene.rayfarm.priority, timer_again=bpy.app.timers.is_registered(
            importlib.import_module(ADDON + ".runtime").pump))
    """)
    assert facts == {"properties": False, "timer": False, "threads": [], "again": "normal", "timer_again": True}


def test_unregister_stops_the_threads_of_a_running_upload(blender: Blender) -> None:
    facts = blender("""
        import socket, threading
        silent = socket.create_server(("127.0.0.1", 0))  # takes connections and never answers
        preferences.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        session._patience = importlib.import_module(ADDON + ".farm.http").Patience(socket_s=0.5)
        scene = bpy.context.scene; scene.rayfarm.output = "/tmp"
        tell(pressed=list(pressed(bpy.ops.rayfarm.submit)), copies_before=len(copies()), busy=session.is_busy)
        task = session._task
        bpy.ops.preferences.addon_disable(module=ADDON)
        task.join(5)
        tell(alive=task.is_alive(), copies=copies())
    """)
    assert facts == {"pressed": ["FINISHED"], "copies_before": 1, "busy": True, "alive": False, "copies": []}


def test_the_panel_draws_while_something_goes_on_and_while_nothing_does(blender: Blender) -> None:
    """Blender has no windows here: what draw() does to a layout is recorded by a stand-in for the layout alone."""
    facts = blender("""
        panel = importlib.import_module(ADDON + ".panel")
        class Layout:
            drawn = []
            def __getattr__(self, name):
                def call(*words, **options):
                    Layout.drawn.append((name, [word for word in words if isinstance(word, str)], options.get("text")))
                    return Layout()
                return call
        class Drawn: layout = Layout()
        jobs = importlib.import_module(ADDON + ".farm.jobs")
        session.jobs = (jobs.JobRow.read({"id": "x", "name": "shot", "state": "queued",
            "counts": {"total": 4, "committed": 1}, "progress": 0.25, "wait": {"words": "All workers are busy."}}),)
        session.offline = ("The farm does not answer.",)
        panel.RAYFARM_PT_panel.draw(Drawn, bpy.context)
        panel.RAYFARM_PT_jobs.draw(Drawn, bpy.context)
        known = set(bpy.context.scene.rayfarm.bl_rna.properties.keys())
        tell(
            unknown=[words[0] for name, words, _ in Layout.drawn if name == "prop" and words[0] not in known],
            texts=[text for _, _, text in Layout.drawn if text],
        )
    """)
    assert facts["unknown"] == []
    assert "1 of 4 frames" in facts["texts"]
    assert "All workers are busy." in facts["texts"]
    assert "The farm does not answer." in facts["texts"]


def test_a_job_asks_for_what_the_panel_says_and_leaves_the_rest_to_the_scene(blender: Blender) -> None:
    facts = blender("""
        asking = importlib.import_module(ADDON + ".asking")
        scene = bpy.context.scene
        scene.frame_start, scene.frame_end, scene.frame_step, scene.render.engine = 1, 9, 2, "CYCLES"
        tell(plain=asking.job_fields(scene), name=asking.job_name(scene))
        wish = scene.rayfarm
        wish.range_from, wish.frames, wish.priority, wish.film = "OWN", "5,10-20", "batch", False
        wish.use_samples, wish.samples, wish.use_percentage, wish.percentage = True, 7, True, 25
        wish.camera, wish.split, wish.parts, wish.format = bpy.data.objects["Camera"], "samples", 3, "exr"
        scene.render.engine = "BLENDER_EEVEE"
        tell(own=asking.job_fields(scene), still=asking.job_fields(scene, only_frame=8)["frames"])
        scene.render.engine = "BLENDER_WORKBENCH"
        pressed(bpy.ops.rayfarm.submit)
        preferences.url = "http://127.0.0.1:9"
        pressed(bpy.ops.rayfarm.submit)
        tell(refused=lines())
    """)
    assert facts["plain"] == {
        "pipeline": "cycles",
        "settings": {"engine": "cycles", "format": "png"},
        "frames": "1-9:2",
        "priority": "normal",
        "outputs": {"video": "auto"},
    }
    assert facts["name"] == "untitled"
    assert facts["own"] == {
        "pipeline": "cycles",
        "settings": {"engine": "eevee", "format": "exr", "camera": "Camera", "samples": 7, "percentage": 25},
        "frames": "5,10-20",
        "priority": "batch",
        "outputs": {"video": None},
        "split": {"mode": "samples", "parts": 3},
    }
    assert facts["still"] == "8"
    assert "BLENDER_WORKBENCH" in facts["refused"][0]


def test_a_missing_texture_is_told_before_a_copy_is_made_or_the_farm_is_asked(blender: Blender) -> None:
    facts = blender(
        LIBRARY_AND_TEXTURE
        + """
scene.rayfarm.output = "/tmp"
preferences.url = "http://127.0.0.1:9"  # nobody listens: a request would be told as another problem
preferences.allowed = str(shared.absolute())
(show / "wood.png").unlink()
answer = pressed(bpy.ops.rayfarm.submit)
tell(answer=list(answer), lines=lines(), busy=session.is_busy, copies=copies())
"""
    )
    assert facts["answer"] == ["CANCELLED"]
    assert facts["lines"][0] == "1 file that the scene needs is not there:"
    assert "wood.png" in facts["lines"][1]
    assert "Find Missing Files" in facts["lines"][-1]
    assert (facts["busy"], facts["copies"]) == (False, [])


def test_files_outside_of_the_scenes_folder_are_sent_only_once_their_folder_is_allowed(blender: Blender) -> None:
    facts = blender(
        LIBRARY_AND_TEXTURE
        + """
packing = importlib.import_module(ADDON + ".packing")
preferences.url = "http://127.0.0.1:9"
pressed(bpy.ops.rayfarm.submit)
tell(lines=lines(), copies=copies(), shared=str(shared.resolve()))
bpy.ops.rayfarm.allow()
bundle = packing.pack(allowed=preferences.folders())
tell(allowed=preferences.allowed, main=bundle.main, files=sorted(bundle.files), remap=bundle.remap)
packing.discard(bundle)
tell(left=copies())
"""
    )
    assert "outside" in facts["lines"][0]
    assert facts["shared"] in facts["lines"][1]
    assert facts["copies"] == []
    assert facts["allowed"] == facts["shared"]
    assert facts["main"] == "show/shot.blend"
    assert facts["files"] == ["shared/ape.blend", "show/shot.blend", "show/wood.png"]
    assert facts["remap"] == {}  # the tree is the artist's, so each relative reference works as it is
    assert facts["left"] == []


def test_the_copy_holds_unsaved_work_and_the_artists_own_file_and_session_stay_as_they_are(blender: Blender) -> None:
    facts = blender("""
        import hashlib
        packing = importlib.import_module(ADDON + ".packing")
        path = Path("work.blend").absolute()
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        bpy.data.objects["Cube"].name = "Unsaved"
        bpy.ops.ed.undo_push(message="renamed")
        dirty = bpy.data.is_dirty
        bundle = packing.pack(allowed=[])
        copy = bundle.files[bundle.main]
        with bpy.data.libraries.load(str(copy)) as (source, _):
            objects = list(source.objects)
        tell(
            same=hashlib.sha256(path.read_bytes()).hexdigest() == before,
            path=bpy.data.filepath == str(path),
            dirty=(dirty, bpy.data.is_dirty),
            objects=sorted(objects),
            mode=oct(copy.parent.stat().st_mode)[-3:],
        )
    """)
    assert facts["same"]
    assert facts["path"]
    assert facts["dirty"][0] == facts["dirty"][1]
    assert "Unsaved" in facts["objects"]
    assert facts["mode"] == "700"


def test_strokes_that_are_only_in_memory_are_not_lost_on_the_way_without_a_word(blender: Blender) -> None:
    facts = blender(
        LIBRARY_AND_TEXTURE
        + """
preferences.url, preferences.allowed = "http://127.0.0.1:9", str(shared.absolute())
image.pixels[0] = 0.5
image.update()
pressed(bpy.ops.rayfarm.submit)
tell(dirty=image.is_dirty, lines=lines())
"""
    )
    assert facts["dirty"] is True
    assert "painted and not saved" in facts["lines"][0]
    assert facts["lines"][1] == "Wood" or "wood" in facts["lines"][1]


def test_a_blender_that_is_to_stay_offline_asks_no_farm_of_the_network(blender: Blender) -> None:
    facts = blender("""
        preferences.url = "https://farm.example.com"
        pressed(bpy.ops.rayfarm.refresh)
        tell(lines=lines(), watching=session.is_watching)
    """)
    assert facts["lines"][0] == "Blender is set to stay offline."
    assert "Allow Online Access" in facts["lines"][1]
    assert facts["watching"] is False


def test_the_key_stays_out_of_the_scene_that_is_sent(blender: Blender) -> None:
    facts = blender("""
        packing = importlib.import_module(ADDON + ".packing")
        preferences.api_key, bpy.context.scene.rayfarm.title = "rf_this_is_secret", "this-is-the-title"
        bundle = packing.pack(allowed=[])
        bpy.ops.wm.open_mainfile(filepath=str(bundle.files[bundle.main]))
        bpy.ops.wm.save_as_mainfile(filepath=str(Path("plain.blend").absolute()), copy=True, compress=False)
        content = Path("plain.blend").read_bytes()
        tell(title=b"this-is-the-title" in content, key=b"rf_this_is_secret" in content)
    """)
    assert facts == {"title": True, "key": False}


def test_the_farms_own_probe_finds_texture_and_library_where_the_bundle_puts_them(
    blender: Blender, tmp_path: Path
) -> None:
    packed = """
import shutil
packing = importlib.import_module(ADDON + ".packing")
bundle = packing.pack(allowed=[shared.absolute()])
for place, path in bundle.files.items():
    there = Path("model") / place
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, there)
tell(main=bundle.main, remap=bundle.remap)
"""
    facts = blender(LIBRARY_AND_TEXTURE + packed)
    for name in ("shared", "show"):  # nothing may be found where the artist has it
        (tmp_path / name).rename(tmp_path / f"{name}-away")
    probe = """
        import sys
        sys.path.insert(0, os.environ["REPOSITORY"])
        from pipelines.base import ModelFiles
        from pipelines.cycles.external_files import missing_files
        from pipelines.cycles.probe import ProbeEngine
        model = ModelFiles(digest="0" * 64, root=Path("model").absolute(), main=MAIN, remap={})
        details = ProbeEngine().load(model).details
        tell(
            references=sorted(reference["raw"] for reference in details["references"]),
            missing=missing_files(),
            ape=bpy.data.objects["Ape"].library is not None,
        )
    """.replace("MAIN", repr(facts["main"]))
    seen = blender(probe)
    assert facts["remap"] == {}
    assert seen == {"references": ["//../shared/ape.blend", "//wood.png"], "missing": [], "ape": True}
