# shellcheck shell=bash
# What the scripts named fetch-* share: an archive is taken from the cache, from Debian's source
# packages or from a plain address, and nothing counts that is not verified. To be sourced, in the
# repository's root; `me` is the name to report errors by.

# What outlives a clone: archives, compiled tools, and packages of npm and apt.
CACHE_HOME=${ADIT_CACHE:-${XDG_CACHE_HOME:-${HOME:-build}/.cache}/adit}
CACHE_HOME=$(realpath -m "$CACHE_HOME")
CACHE=$CACHE_HOME/sources
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

sha256_of() { sha256sum <"$1" | cut -d' ' -f1; }

# file, digest
sha256_is() { [ -f "$1" ] && [ "$(sha256_of "$1")" = "$2" ]; }

# One fetch at a time: they share the cache, and apt's folders of this clone.
lock_fetching() {
  mkdir -p build/log "$CACHE"
  exec 9>"$CACHE/.lock"
  ! command -v flock >/dev/null || flock 9
}

unlock_fetching() { exec 9>&-; }

# Debian or Ubuntu: the machine's main mirror of it, not the security or a third party's one.
mirror_of() {
  command -v apt-get >/dev/null || return 1
  # shellcheck disable=SC2016 # The placeholders are apt's, not the shell's.
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(LABEL)' \
    'Created-By: Packages' 2>/dev/null | awk -v origin="$1" '$2 == origin && $3 == "main" \
    && $4 == origin && !found { print $1; found = 1 } END { exit !found }'
}

# suite, kind of package (deb or deb-src), perhaps an architecture: sets `apt` to the command of a
# private configuration, derived from this machine's own mirror; apt verifies what it downloads, and
# nothing of the system's configuration changes.
prepare_apt() {
  local suite=$1 kind=$2 arch=${3:-} mirror private log=build/log/${me:?}-apt.log
  [ -f "$KEYRING" ] || { echo "        no Debian archive keyring on this machine"; return 1; }
  mirror=$(mirror_of Debian) || { echo "        apt has no Debian mirror here"; return 1; }
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
  curl --fail --silent --show-error --location --proto '=https' --retry 2 --max-time 120 \
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

# Files and folders, and on standard input what else counts: one digest of all that.
digest_of() {
  {
    cat
    find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

# Days for which what was compiled is kept after its last use.
BUILT_DAYS=60

# name, digest of what it is made from, new folder: true if it was compiled before
take_built() {
  local archive=$CACHE_HOME/built/$1-$2.tar.gz
  sha256_is "$archive" "$(cat "$archive.sha256" 2>/dev/null)" || return 1
  touch "$archive"
  mkdir -p "$3"
  tar --extract --gzip --file "$archive" --directory "$3" --no-same-owner
}

# name, digest of what it is made from, folder
keep_built() {
  local archive=$CACHE_HOME/built/$1-$2.tar.gz
  mkdir -p "$CACHE_HOME/built"
  tar --create --gzip --file "$archive.part" --directory "$3" .
  sha256_of "$archive.part" >"$archive.sha256"
  mv "$archive.part" "$archive"
  find "$CACHE_HOME/built" -type f -mtime "+$BUILT_DAYS" -delete
}
