# shellcheck shell=bash
# What the scripts named fetch-* share: an archive is taken from the cache, from Debian's source
# packages or from a plain address, and nothing counts that is not verified. To be sourced, in the
# repository's root; `me` is the name to report errors by.

CACHE=${ADIT_CACHE:-build/sources}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

sha256_of() { sha256sum <"$1" | cut -d' ' -f1; }

# file, digest
sha256_is() { [ -f "$1" ] && [ "$(sha256_of "$1")" = "$2" ]; }

# One fetch at a time: they share the cache and apt's folders.
lock_fetching() {
  mkdir -p build/log "$CACHE"
  exec 9>build/.fetch.lock
  ! command -v flock >/dev/null || flock 9
}

# The machine's Debian main mirror, not the security or a third party's one.
debian_mirror() {
  command -v apt-get >/dev/null || return 1
  # shellcheck disable=SC2016 # The placeholders are apt's, not the shell's.
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(LABEL)' \
    'Created-By: Packages' 2>/dev/null | awk '$2 == "Debian" && $3 == "main" && $4 == "Debian" \
    && !found { print $1; found = 1 } END { exit !found }'
}

# suite, kind of package (deb or deb-src), perhaps an architecture: sets `apt` to the command of a
# private configuration, derived from this machine's own mirror; apt verifies what it downloads, and
# nothing of the system's configuration changes.
prepare_apt() {
  local suite=$1 kind=$2 arch=${3:-} mirror private log=build/log/${me:?}-apt.log
  [ -f "$KEYRING" ] || { echo "        no Debian archive keyring on this machine"; return 1; }
  mirror=$(debian_mirror) || { echo "        apt has no Debian mirror on this machine"; return 1; }
  private=$(realpath -m "build/apt/$suite-$kind${arch:+-$arch}")
  mkdir -p "$private/lists/partial" "$private/cache/archives/partial"
  echo "$kind [signed-by=$KEYRING] $mirror $suite main" >"$private/sources.list"
  apt=(apt-get -qq
    -o "Dir::Etc::sourcelist=$private/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$private/lists" -o "Dir::Cache=$private/cache"
    -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none)
  [ -z "$arch" ] || apt+=(-o "APT::Architecture=$arch" -o "APT::Architectures=$arch")
  "${apt[@]}" update >"$log" 2>&1
}

# suite, source package (or package=version): puts the original archive into the cache.
fetch_from_debian() {
  local apt=()
  echo "  FETCH $2 (Debian source package, $1)"
  prepare_apt "$1" deb-src || return 1
  (cd "$CACHE" && "${apt[@]}" source --download-only --tar-only "$2") >>"build/log/$me-apt.log" 2>&1
}

# suite, binary package: puts the package itself into the cache.
fetch_package_from_debian() {
  local apt=()
  echo "  FETCH $2 (Debian package, $1)"
  prepare_apt "$1" deb || return 1
  (cd "$CACHE" && "${apt[@]}" download "$2") >>"build/log/$me-apt.log" 2>&1
}

# address, file name in the cache, digest
fetch_url() {
  local url=$1 file=$2 digest=$3
  echo "  FETCH $url"
  curl --fail --silent --show-error --location --proto '=https' --max-time 120 \
    --output "$CACHE/$file.part" "$url" || return 1
  if ! sha256_is "$CACHE/$file.part" "$digest"; then
    echo "$me: $url does not have SHA-256 $digest" >&2
    rm -f "$CACHE/$file.part"
    return 1
  fi
  mv "$CACHE/$file.part" "$CACHE/$file"
}

# names of archives that would do
report_no_source() {
  echo "$me: no source could be had; put $* into $CACHE" >&2
  [ ! -f "build/log/$me-apt.log" ] || tail -n 5 "build/log/$me-apt.log" >&2
}

# archive, folder: unpacks without the archive's own first folder, into a new folder.
unpack_archive() {
  rm -rf "$2"
  mkdir -p "$2"
  tar --extract --auto-compress --file "$1" --directory "$2" --strip-components=1 --no-same-owner
}

# new folder, place: time stamps from an archive are older than the Makefile, so make looks at
# `.fetched`.
install_source() {
  touch "$1/.fetched"
  rm -rf "$2"
  mv "$1" "$2"
}
