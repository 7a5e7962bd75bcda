"""llama.cpp's own tools, compiled against the installed library from the sources that it was made of: minutes."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

# Of the sources; the library itself is the installed one, so that a figure of a tool and one of ours come from one code
_CMAKE = """cmake_minimum_required(VERSION 3.20)
project(tools C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(Threads REQUIRED)
set(LLAMA_BUILD_NUMBER 0)
configure_file(${SOURCES}/common/build-info.cpp.in build-info.cpp)
file(GLOB PARTS ${SOURCES}/common/*.cpp ${SOURCES}/common/jinja/*.cpp ${SOURCES}/common/parsers/*.cpp)
file(GLOB HTTP ${SOURCES}/vendor/cpp-httplib/*.cpp)
add_library(common STATIC ${PARTS} ${HTTP} ${CMAKE_CURRENT_BINARY_DIR}/build-info.cpp)
foreach(FOLDER common include ggml/include vendor src)
  target_include_directories(common PUBLIC ${SOURCES}/${FOLDER})
endforeach()
foreach(LIBRARY llama ggml ggml-base ggml-cpu)
  target_link_libraries(common PUBLIC ${LIBRARIES}/lib${LIBRARY}.so)
endforeach()
target_link_libraries(common PUBLIC Threads::Threads)
foreach(TOOL perplexity quantize imatrix)
  file(GLOB FILES ${SOURCES}/tools/${TOOL}/*.cpp)
  add_executable(llama-${TOOL} ${FILES})
  target_link_libraries(llama-${TOOL} PRIVATE common)
  set_target_properties(llama-${TOOL} PROPERTIES BUILD_RPATH ${LIBRARIES})
endforeach()
"""
SOURCES = "LLAMA_CPP_PYTHON_SDIST"  # where the source distribution lies, as 'pip download --no-binary :all:' brings it


@pytest.fixture(scope="session")
def llama_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with llama-perplexity, llama-quantize and llama-imatrix."""
    import llama_cpp

    archive = _ENVIRONMENT.get(SOURCES)
    if archive is None or not shutil.which("cmake"):
        pytest.skip(f"{SOURCES} names no source distribution of llama-cpp-python, or there is no cmake")
    version = importlib.metadata.version("llama-cpp-python")
    folder = tmp_path_factory.mktemp("llama-tools")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    sources = folder / f"llama_cpp_python-{version}" / "vendor" / "llama.cpp"
    (folder / "CMakeLists.txt").write_text(_CMAKE)
    libraries = Path(llama_cpp.__file__).parent / "lib"
    options = [f"-DSOURCES={sources}", f"-DLIBRARIES={libraries}", "-DCMAKE_CXX_FLAGS=-O1"]
    build = folder / "build"
    subprocess.run(["cmake", "-S", folder, "-B", build, *options], check=True)
    subprocess.run(["cmake", "--build", build, "--parallel", str(len(os.sched_getaffinity(0)))], check=True)
    return build


_ENVIRONMENT = dict(os.environ)  # as it is before the tests clean it
