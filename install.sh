#!/bin/sh
# Installs the ongoingai executable: detects the platform, downloads, checks the sum, and only then moves it to its place.
#
#   ONGOINGAI_VERSION           tag of a release, such as v1.2.3; the latest one without it
#   ONGOINGAI_INSTALL_DIR       folder of the executable; /usr/local/bin if it can be written, else ~/.local/bin
#   ONGOINGAI_INSTALL_BASE_URL  where releases are, in place of the project's own
set -eu

BASE_URL=${ONGOINGAI_INSTALL_BASE_URL:-https://github.com/ongoingai/gateway/releases}
BASE_URL=${BASE_URL%/}

say() { printf '%s\n' "$*" >&2; }
fail() { say "Error: $*"; exit 1; }

platform() {
  os=$(uname -s)
  case $os in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "Unsupported OS: $os (supported: macOS, Linux)" ;;
  esac
  arch=$(uname -m)
  case $arch in
    x86_64 | amd64) arch=amd64 ;;
    arm64 | aarch64) arch=arm64 ;;
    *) fail "Unsupported architecture: $arch (supported: amd64, arm64)" ;;
  esac
  libc=
  if [ "$os" = linux ] && is_musl; then libc=_musl; fi
}

# Alpine and others have musl in place of the GNU C library.
is_musl() {
  case $(ldd --version 2>&1 || true) in
    *musl*) return 0 ;;
    *GLIBC* | *"GNU libc"* | *Free\ Software*) return 1 ;;
  esac
  for loader in /lib/ld-musl-*; do [ -e "$loader" ] && return 0; done
  return 1
}

download() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 2 -o "$2" "$1" || return 1
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1" || return 1
  else
    fail 'Need curl or wget to download files'
  fi
}

sum_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  else
    fail 'No sha256 tool found (shasum or sha256sum).'
  fi
}

target_folder() {
  if [ -n "${ONGOINGAI_INSTALL_DIR:-}" ]; then
    folder=$ONGOINGAI_INSTALL_DIR
  elif [ -d /usr/local/bin ] && [ -w /usr/local/bin ]; then
    folder=/usr/local/bin
  elif [ -n "${HOME:-}" ]; then
    folder=$HOME/.local/bin
  else
    fail 'there is no HOME; say where to install with ONGOINGAI_INSTALL_DIR'
  fi
  mkdir -p "$folder" || fail "cannot make $folder"
  [ -w "$folder" ] || fail "cannot write to $folder; choose another with ONGOINGAI_INSTALL_DIR"
}

main() {
  platform
  asset=ongoingai_${os}_${arch}${libc}
  say 'OngoingAI installer'
  say "Detected: $os/$arch${libc:+ (musl)}"
  if [ -n "${ONGOINGAI_VERSION:-}" ]; then
    from=$BASE_URL/download/$ONGOINGAI_VERSION
    say "Installing ongoingai $ONGOINGAI_VERSION"
  else
    from=$BASE_URL/latest/download
    say 'Installing the latest ongoingai'
  fi
  target_folder

  # Beside its place, so that the last step is one rename; gone whatever happens before that.
  work=$(mktemp -d "$folder/.ongoingai.XXXXXX") || fail "cannot write to $folder"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  say "Downloading: $from/$asset"
  download "$from/$asset" "$work/ongoingai" || fail "could not download $from/$asset"
  download "$from/checksums.txt" "$work/checksums.txt" || fail "could not download $from/checksums.txt"
  wanted=$(awk -v name="$asset" '$2 == name || $2 == "*" name { print $1; exit }' "$work/checksums.txt")
  [ -n "$wanted" ] || fail "checksums.txt found but no entry for $asset"
  [ "$(sum_of "$work/ongoingai")" = "$wanted" ] || fail "Checksum mismatch for $asset"
  say 'Checksum verified (sha256).'

  chmod 755 "$work/ongoingai"
  version=$("$work/ongoingai" version 2>/dev/null) || fail "the executable does not run on this machine"
  mv -f "$work/ongoingai" "$folder/ongoingai"
  say "Installed: $folder/ongoingai ($version)"

  found=$(command -v ongoingai 2>/dev/null || true)
  if [ -z "$found" ]; then
    say "$folder is not on your PATH. Add it in ~/.profile, ~/.bashrc or ~/.zshrc:"
    say "  export PATH=\"$folder:\$PATH\""
  elif [ "$found" != "$folder/ongoingai" ]; then
    say "Note: $found comes first on your PATH, so that is what \`ongoingai\` starts."
  fi
  say 'Next:'
  say '  ongoingai serve'
  say '  eval "$(ongoingai shell-init)"'
}

# At the end: a script that was cut off on its way does nothing.
main
