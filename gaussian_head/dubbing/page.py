"""A page on a dub: recording and result under one wipe with both sounds, numbers, and the worst frames."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..durable import replacing

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
.wipe{position:relative;display:inline-block;max-width:100%}.wipe video{display:block;max-width:100%;max-height:75vh}
.wipe video+video{position:absolute;inset:0;width:100%;height:100%;clip-path:inset(0 0 0 var(--at,50%))}
.wipe video.mask{clip-path:none;mix-blend-mode:screen;opacity:.5}.wipe [hidden]{display:none}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{padding:.2em .5em;border-bottom:1px solid #ddd;text-align:right}
img{max-width:100%}input[type=range]{width:100%}
"""
SCRIPT = """
const [a,b,m]=document.querySelectorAll('video'),w=document.querySelector('.wipe');
document.getElementById('at').oninput=e=>w.style.setProperty('--at',e.target.value+'%');
document.getElementById('play').onclick=()=>{if(a.paused){b.currentTime=m.currentTime=a.currentTime;a.play();b.play();m.play()}else{a.pause();b.pause();m.pause()}};
document.getElementById('seek').oninput=e=>{a.currentTime=b.currentTime=m.currentTime=e.target.value/1000*a.duration};
document.getElementById('old').onchange=e=>{a.muted=!e.target.checked;b.muted=e.target.checked};
a.ontimeupdate=()=>{document.getElementById('seek').value=1000*a.currentTime/a.duration;
if(!a.paused)for(const v of [b,m])if(Math.abs(a.currentTime-v.currentTime)>.06)v.currentTime=a.currentTime};
document.getElementById('mask').onchange=e=>{m.hidden=!e.target.checked;m.currentTime=a.currentTime};
"""
COLUMNS = ("person", "from", "seconds", "dubbed", "bridged", "passed", "covered")
FIGURES = ("seam", "flicker", "skin_sharpness", "sync_before", "sync_after")


def write_page(path: Path, out: Path, film: Path, report: dict[str, Any]) -> None:
    """Write the page of a ``report`` on the dub ``out`` of ``film``; it opens from the disk, without a server."""
    rows = "".join(
        "<tr>" + "".join(f"<td>{_shown(row.get(name))}</td>" for name in COLUMNS + FIGURES) + "</tr>"
        for row in report["stretches"]
    )
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in COLUMNS + FIGURES)
    worst = "".join(
        f"<h3>{row['at']:.2f} s, frame {row['frame']}</h3><p>{html.escape(row['why'])}</p>"
        f"<img src='{quote(row['picture'])}' alt='recorded and dubbed'>"
        for row in report["worst"]
    )
    text = f"""<!doctype html><meta charset="utf-8"><title>{html.escape(out.name)}</title><style>{STYLE}</style>
<h1>{html.escape(out.name)}</h1>
<p>Left of the line the recording, right of it the dub. Synthetic: lips were changed.</p>
<div class="wipe"><video src="{_link(film, path)}" muted playsinline></video>
<video src="{_link(out, path)}" playsinline></video>
<video class="mask" src="mask.mp4" muted playsinline hidden></video></div>
<p><label>line <input id="at" type="range" value="50"></label><label>time <input id="seek" type="range" max="1000"
value="0"></label><button id="play">play / pause</button>
<label><input id="old" type="checkbox"> the recording's sound</label>
<label><input id="mask" type="checkbox"> where it was changed</label></p>
<h2>Stretches</h2><table><tr>{head}</tr>{rows}</table>
<p>Seam, flicker and sharpness (of skin) are multiples of the recording's own in the same place; sync is the judge's
confidence that lips and sound belong together, 0 for none.</p>
<h2>Frames to look at</h2>{worst}<script>{SCRIPT}</script>
"""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _link(file: Path, page: Path) -> str:
    return html.escape(quote(os.path.relpath(file.resolve(), page.resolve().parent).replace(os.sep, "/")))


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else html.escape(str(value))
