"""How NVML is asked: what its codes mean, and the calls that every reader is made of.

Runs in the child process (gpu/nvml_child). `nvml` is the module pynvml, which only it imports.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Union

from kubectl_snapshot.errors import InvalidRequest

Value = Union[str, int, bool]
Values = dict[str, Value]
Reader = Callable[[Any, Any], Values]
# With the key it reads, or the prefix of the keys.
Named = tuple[str, Reader]

# nvml.h, nvmlReturn_t: this GPU, driver or version of NVML has no such figure.
INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 2, 3, 4, 6
FUNCTION_NOT_FOUND, GPU_IS_LOST, ARGUMENT_VERSION_MISMATCH, DEPRECATED = 13, 15, 25, 26
UNSUPPORTED = (
    INVALID_ARGUMENT,
    NOT_SUPPORTED,
    NOT_FOUND,
    FUNCTION_NOT_FOUND,
    ARGUMENT_VERSION_MISMATCH,
    DEPRECATED,
)


def read_values(
    nvml: Any, device: Any, readers: tuple[Named, ...]
) -> tuple[Values, dict[str, int], dict[str, str]]:
    """Return what could be read, what NVML does not have with its code, and what failed with why.

    The last two are by the reader's name, the key or the prefix of the keys. Raises NVMLError where
    the GPU is lost: every other call would only say so again.
    """
    values: Values = {}
    unsupported: dict[str, int] = {}
    failed: dict[str, str] = {}
    for name, reader in readers:
        try:
            values.update(reader(nvml, device))
        except nvml.NVMLError as error:
            if error.value == GPU_IS_LOST:
                raise
            if error.value in UNSUPPORTED:
                unsupported[name] = error.value
            else:
                failed[name] = str(error)
        except (UnicodeDecodeError, InvalidRequest) as error:
            failed[name] = str(error)
    return values, unsupported, failed


def simple(key: str, function: str, convert: Callable[[Any], Value], *arguments: Any) -> Named:
    """Return the reader of one key: a function of NVML whose answer is converted."""

    def read(nvml: Any, device: Any) -> Values:
        given = arguments if device is None else (device, *arguments)
        return {key: convert(getattr(nvml, function)(*given))}

    return key, read


def named(names: dict[int, str]) -> Callable[[int], str]:
    """Return the reader of a number by a table of its names."""
    # A number that is newer than this table stays the number that it is.
    return lambda number: names.get(number, str(number))


def text(value: Any) -> str:
    """Return a text of NVML, which may come as bytes."""
    # pynvml decodes the fields of most structures, and few of its functions' results.
    return value.decode() if isinstance(value, bytes) else str(value)


def hexadecimal(number: int) -> str:
    """Return a number of 32 bits as `0x%08X` writes it."""
    return f"0x{number:08X}"


def structure(nvml: Any, function: str, device: Any, structure: Any) -> Any:
    """Return a structure that NVML has filled; some wrappers of pynvml do not check the code."""
    try:
        called = getattr(nvml.nvmlLib, function)
    except AttributeError:
        raise nvml.NVMLError(FUNCTION_NOT_FOUND) from None
    given = (ctypes.byref(structure),) if device is None else (device, ctypes.byref(structure))
    code = called(*given)
    if code:
        raise nvml.NVMLError(code)
    return structure


def read_pair(keys: tuple[str, str], function: str, nvml: Any, device: Any) -> Values:
    """Return two flags of one function, current and default or pending."""
    return dict(zip(keys, map(bool, getattr(nvml, function)(device))))


def read_fields(nvml: Any, device: Any, fields: list[Any]) -> list[int | None]:
    """Return the values of some of NVML's fields, None for each that this GPU does not have."""
    found = nvml.nvmlDeviceGetFieldValues(device, fields)
    return [None if field.nvmlReturn else field.value.uiVal for field in found]


def read_field(key: str, field: int, convert: Callable[[int], Value]) -> Named:
    """Return the reader of one field: nvmlDeviceGetFieldValues, NVML_FI_DEV_*."""

    def read(nvml: Any, device: Any) -> Values:
        (value,) = read_fields(nvml, device, [field])
        return {} if value is None else {key: convert(value)}

    return key, read
