# Sourced by examples/run, tests/run and bench/run: installs what is missing (Debian), configures and builds.
#   setup_root   the repository
#   setup_build  the build directory; HEED_BUILD overrides
set -euo pipefail
setup_root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
setup_build=${HEED_BUILD:-$setup_root/build}

setup_packages="g++-12 clang-22 cmake ninja-build ccache libboost-dev doctest-dev libbenchmark-dev libmlir-22-dev
  mlir-22-tools llvm-22-dev llvm-22-tools libcli11-dev nlohmann-json3-dev libpng-dev libjpeg62-turbo-dev libstb-dev pkgconf time
  libvulkan-dev mesa-vulkan-drivers spirv-tools vulkan-validationlayers"

setup_install() {
  local missing=() name
  for name in $setup_packages; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing: ${missing[*]}"
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "missing packages, and neither root nor sudo: ${missing[*]}" >&2; exit 1; }
    sudo=sudo
  fi
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# One compiler process for 1.5 GB of memory, and no more than there are cores.
setup_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(($(awk '/MemAvailable/ {print $2}' /proc/meminfo) / 1500000))
  [ "$memory" -lt 1 ] && memory=1
  echo $((cores < memory ? cores : memory))
}

# setup_compile TARGET…: configures once, then builds the targets.
setup_compile() {
  setup_install
  if [ ! -f "$setup_build/build.ninja" ]; then
    cmake -S "$setup_root" -B "$setup_build" -G Ninja -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
      -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON \
      >"$setup_root/.configure.log" 2>&1 || { cat "$setup_root/.configure.log" >&2; exit 1; }
    mv "$setup_root/.configure.log" "$setup_build/configure.log"
  fi
  ninja -C "$setup_build" -j "$(setup_jobs)" --quiet "$@" >&2
}
