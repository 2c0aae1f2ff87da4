# Completion of `adit` for bash. Installed as /usr/share/bash-completion/completions/adit.

_adit_locations() {
  adit status --json 2>/dev/null | sed 's/},{/\n/g' | sed -n 's/.*"name":"\([^"]*\)","slot".*/\1/p'
}

# Readline splits words at colons, so MAC addresses are offered with hyphens, which adit takes too.
_adit_subjects() {
  adit devices --json 2>/dev/null | sed 's/},{/\n/g' |
    sed -n 's/.*"mac":"\([^"]*\)".*"iface":"\([^"]*\)".*/\1 \2/p' | tr : -
  adit devices --json 2>/dev/null | grep -o '"[0-9][0-9.]*\.[0-9.]*"' | tr -d '"'
}

_adit() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local commands='status devices protect unprotect explain plan events reload policy'
  commands="$commands config keygen version help"
  local options='--socket --json --help' command='' word at position=0

  # Readline splits words at colons, and a MAC address or an IPv6 address holds several.
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    while ((at + 1 < COMP_CWORD)) && [[ ${COMP_WORDS[at + 1]} == :* ]]; do
      at=$((at + 2))
    done
    case $word in
      --socket | --kind | --when-down | --signature | --confirm-s) at=$((at + 1)) ;;
      -*) ;;
      *)
        [ -n "$command" ] && position=$((position + 1))
        [ -z "$command" ] && command=$word
        ;;
    esac
  done

  case $previous in
    --socket | --signature) mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
    --kind) mapfile -t COMPREPLY < <(compgen -W 'mac ip iface' -- "$current") && return ;;
    --when-down)
      mapfile -t COMPREPLY < <(compgen -W "block direct $(_adit_locations)" -- "$current")
      return
      ;;
  esac

  case $command in
    protect) options="$options --kind --when-down" ;;
    unprotect) options="$options --kind" ;;
    config) options="$options --elsewhere" ;;
    events) options="$options --replay" ;;
    keygen) options="$options --token" ;;
    policy) options="$options --signature --confirm-s --no-wait --control" ;;
  esac

  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  case $command:$position in
    :0 | help:0) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current") ;;
    config:0) mapfile -t COMPREPLY < <(compgen -W 'check' -- "$current") ;;
    config:1) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    policy:0)
      mapfile -t COMPREPLY < <(
        compgen -W 'try diff swap confirm rollback remove status history log limits' -- "$current"
      )
      ;;
    policy:1) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    protect:0 | unprotect:0 | explain:0 | explain:1)
      mapfile -t COMPREPLY < <(compgen -W "$(_adit_subjects)" -- "$current")
      ;;
    protect:1) mapfile -t COMPREPLY < <(compgen -W "direct $(_adit_locations)" -- "$current") ;;
  esac
}

complete -F _adit adit
