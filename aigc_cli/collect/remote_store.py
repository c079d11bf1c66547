"""Files of any fsspec filesystem but http: which there are behind a URL, and the bytes of one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aigc_cli.collect.dispatch import SHARD
from aigc_cli.collect.readers import CONTAINERS, kind_of
from aigc_cli.collect.records import Context, matches
from aigc_cli.collect.remote_bounds import FetchError, Spool, left, watched, within
from aigc_cli.collect.remote_options import FetchOptions
from aigc_cli.collect.sources import Remote, Source
from aigc_cli.core.errors import AigcError, ConfigError, DataError, MissingExtra, did_you_mean
from aigc_cli.core.files import canonical_json, hash_text
from aigc_cli.core.urls import scheme_of, shown

_MAGIC = "*?["
_PIECE_BYTES = 1 << 20
# Filesystems over other filesystems: containers are read by themselves, and a cache or a table of references behind
# a URL could name any other place.
_WRAPPERS = frozenset({
    "asynclocal", "async_wrapper", "asyncwrapper", "blockcache", "cached", "dask", "dir", "filecache", "generic",
    "libarchive", "reference", "simplecache", "tar", "zip",
})  # fmt: skip
_PIP_NAMES = {"smbclient": "smbprotocol", "dask": "dask distributed"}
_ETAGS = ("ETag", "etag", "md5Hash", "sha256", "content_hash")
_DATES = ("LastModified", "last_modified", "mtime", "modified", "updated", "created", "modify")


def listed(url: str, context: Context, bounds: FetchOptions) -> list[Source]:
    """The files behind `url` (a file, a directory, a glob), by label.

    A store that does not answer is counted as rejected. Raises DataError when nothing is there, ConfigError for a
    scheme that is none, MissingExtra when its package is not installed.
    """
    name = shown(url)
    fs, path = _filesystem(url)
    scratch = Context(context.settings)  # not `context`: a thread that is given up may go on counting
    try:
        files = within(bounds.deadline_s, lambda: list(_found(fs, path, url, scratch)))
        context.add(scratch)
        return sorted(files, key=lambda s: s.label)
    except AigcError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"there is no file or directory {name}", "check the URL") from error
    except FetchError as error:
        context.reject(error.reason, name)
    except Exception as error:  # packages of stores raise exceptions of their own
        reason = failure(error)
        context.reject(reason.reason, f"{name} ({reason.detail})" if reason.detail else name)
    return []


def get(remote: Remote, spool: Spool, bounds: FetchOptions, end: float) -> None:
    """Fetch one file into `spool` until the monotonic time `end`. Raises FetchError."""
    if remote.size is not None and remote.size > bounds.max_fetch_bytes:
        raise FetchError("too_large")
    watched(left(end), bounds.timeout_s, lambda: spool.size, _copy, remote, spool)
    if remote.size is not None and spool.size < remote.size:
        raise FetchError("truncated", retry=True)


def failure(error: Exception) -> FetchError:
    """What an exception of a store means."""
    if isinstance(error, FetchError):
        return error
    if isinstance(error, FileNotFoundError):
        return FetchError("not_found")
    if isinstance(error, PermissionError):
        return FetchError("forbidden")
    if isinstance(error, TimeoutError):
        return FetchError("timed_out", retry=True)
    # The text of such an exception may hold keys; its name says what there is to say.
    return FetchError("unreadable", type(error).__name__, retry=isinstance(error, OSError))


def _copy(remote: Remote, spool: Spool) -> None:
    try:
        with remote.fs.open(remote.path, "rb", block_size=_PIECE_BYTES) as file:
            while piece := file.read(_PIECE_BYTES):
                spool.write(piece)
    except (AigcError, FetchError):
        raise
    except Exception as error:
        raise failure(error) from error


def _filesystem(url: str) -> tuple[Any, str]:
    """(the filesystem, the path in it)."""
    name, scheme = shown(url), scheme_of(url)
    if "::" in url:
        raise ConfigError(f"{name} is a chain of URLs", "name the file itself; archives are opened by collect")
    if scheme in _WRAPPERS:
        raise ConfigError(f"{scheme}:// is no place of files of its own", "name the file itself, e.g. s3://...")
    from fsspec.core import url_to_fs
    from fsspec.registry import available_protocols, known_implementations

    try:
        fs, path = url_to_fs(url)
    except ImportError as error:
        package = _package(error, known_implementations.get(scheme, {}).get("class", scheme))
        raise MissingExtra(f"{scheme}:// needs the package {package}", f"pip install {package}") from error
    except ValueError as error:
        known = [*available_protocols(), "https"]
        if scheme in known:
            raise ConfigError(f"{name} is no URL that {scheme}:// has", "check the URL") from error
        raise ConfigError(f"{scheme}:// is unknown", did_you_mean(scheme, set(known) - _WRAPPERS)) from error
    except Exception as error:
        raise DataError(f"{name} cannot be opened ({type(error).__name__})", "check the URL and the access") from error
    fs.invalidate_cache()  # in a notebook, the listing of an hour ago
    return fs, path


def _package(error: ImportError, implementation: str) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
    module = (cause.name or implementation).split(".")[0]
    if module == "fsspec":
        quoted = re.search(r'"(\w+)"', str(error))
        module = quoted[1] if quoted else scheme_of(implementation)
    return _PIP_NAMES.get(module, module)


def _found(fs: Any, path: str, url: str, context: Context) -> Iterator[Source]:
    try:
        info = fs.info(path)
    except FileNotFoundError:
        if not any(c in path for c in _MAGIC):
            raise
        yield from _matching(fs, path, url, context)
        return
    if info["type"] == "directory":
        yield from _below(fs, path, shown(url).rstrip("/"), "", context)
    else:
        yield from _file(fs, info, shown(url), posixpath.basename(path), context, explicit=True)


def _matching(fs: Any, pattern: str, url: str, context: Context) -> Iterator[Source]:
    """What a glob names; its fixed part is where labels begin."""
    parts = shown(url).split("/")
    fixed = next(i for i, part in enumerate(parts) if any(c in part for c in _MAGIC))
    root_url = "/".join(parts[:fixed])
    count = sum(1 for part in pattern.split("/") if part) - sum(1 for part in parts[fixed:] if part)
    entries = fs.glob(pattern, detail=True)
    if not entries:
        raise DataError(f"nothing matches {shown(url)}", "check the pattern; quote it so that the shell leaves it")
    for path, info in sorted(entries.items()):
        below = "/".join([part for part in path.split("/") if part][count:])
        if any(part.startswith(".") for part in below.split("/")) and "/." not in pattern:
            context.skip("hidden", f"{root_url}/{below}")
        elif info["type"] == "directory":
            if not pattern.rstrip("/").endswith("**"):
                yield from _below(fs, path, root_url, below, context)
        else:
            yield from _file(fs, info, f"{root_url}/{below}", below, context, explicit=True)


def _below(fs: Any, root: str, root_url: str, prefix: str, context: Context) -> Iterator[Source]:
    """Files of a directory; of a directory of shards the data alone."""
    entries = fs.find(root, detail=True)
    start = len(root.rstrip("/"))
    files = {path[start:].strip("/"): info for path, info in entries.items() if not path.endswith("/")}
    marks = ("state.json", "dataset_dict.json")
    shards = {posixpath.dirname(p) for p in files if posixpath.basename(p) in marks}
    for relative, info in sorted(files.items()):
        below = f"{prefix}/{relative}" if prefix else relative
        label, folder = f"{root_url}/{below}", posixpath.dirname(relative)
        if any(part.startswith(".") for part in relative.split("/")):
            context.skip("hidden", label)
        elif any(folder == s or not s or folder.startswith(s + "/") for s in shards):
            data = relative.endswith(".arrow") and not posixpath.basename(relative).startswith("cache-")
            if folder in shards and data:
                yield from _file(fs, info, label, below, context, kind=SHARD)
        else:
            yield from _file(fs, info, label, below, context)


def _file(
    fs: Any, info: Mapping[str, Any], label: str, relative: str, context: Context, *, explicit: bool = False,
    kind: str = "",
) -> Iterator[Source]:  # fmt: skip
    settings = context.settings
    included, known = matches(relative, settings.include), kind or kind_of(relative) or ""
    if not (known or explicit or included):
        context.skip("unsupported", label)
    elif matches(relative, settings.exclude) or (settings.include and not included and known not in CONTAINERS):
        context.skip("not_included", label)
    else:
        # A file that is named by itself and has no known suffix is told by its first bytes.
        kind, size = known or (".txt" if included else ""), info.get("size")
        yield Source("", label, kind, size or 0, 0, Remote("", _mark(info), size, fs, info["name"]))


def _mark(info: Mapping[str, Any]) -> str:
    """What changes with the content, as far as the store tells it; "" when it tells nothing but the size."""
    etag = next((str(info[k]) for k in _ETAGS if info.get(k)), "")
    date = next((str(info[k]) for k in _DATES if info.get(k)), "")
    return hash_text(canonical_json([info.get("size"), etag, date])) if etag or date else ""
