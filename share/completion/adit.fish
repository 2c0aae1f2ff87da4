# Completion of `adit` for fish. Installed in share/fish/vendor_completions.d.

function __adit_locations
  adit status --json 2>/dev/null | string replace -a '},{' \n |
    string replace -rf '.*"name":"([^"]*)","slot".*' '$1'
end

function __adit_subjects
  adit devices --json 2>/dev/null | string replace -a '},{' \n |
    string replace -rf '.*"mac":"([^"]*)","addresses":\[([^\]]*)\],"iface":"([^"]*)".*' '$1,$2,$3' |
    string replace -a '"' '' | string split ',' | sort -u
end

# The words after `adit` that are no options.
function __adit_words
  set -l words (commandline -opc)
  set -e words[1]
  string match -v -- '-*' $words
end

function __adit_at
  set -l words (__adit_words)
  test (count $words) -eq $argv[2]; and test "$words[1]" = $argv[1]
end

function __adit_is_first
  test (count (__adit_words)) -eq 0
end

set -l seen '__fish_seen_subcommand_from'
complete -c adit -f
complete -c adit -l socket -r -F -d 'the socket of the daemon'
complete -c adit -l json -d 'answer in JSON'
complete -c adit -l help -d 'tell what the command does'

set -l commands \
  'status tunnels or clients, and how the daemon is' \
  'devices devices seen and where their traffic goes' \
  'protect send a device through a location' \
  'unprotect remove a rule' \
  'explain why traffic goes where it goes' \
  'plan what would be changed in the kernel now' \
  'events follow events until interrupted' \
  'reload read the configuration again' \
  'policy try a policy script, swap it in' \
  'config check a configuration file' \
  'keygen make a certificate and a key, or a token' \
  'version print the version' \
  'help tell what a command does'
for row in $commands
  set -l parts (string split -m 1 ' ' $row)
  complete -c adit -n __adit_is_first -a $parts[1] -d $parts[2]
end

for name in protect unprotect explain
  complete -c adit -n "__adit_at $name 1" -a '(__adit_subjects)'
end
complete -c adit -n '__adit_at explain 2' -a '(__adit_subjects)'
complete -c adit -n '__adit_at protect 2' -a 'direct (__adit_locations)'
complete -c adit -n '__adit_at config 1' -a check
complete -c adit -n '__adit_at config 2' -F
complete -c adit -n '__adit_at policy 1' \
  -a 'try diff swap confirm rollback remove status history log limits'
complete -c adit -n '__adit_at policy 2' -F
complete -c adit -n "$seen protect unprotect" -l kind -x -a 'mac ip iface'
complete -c adit -n "$seen protect" -l when-down -x -a 'block direct (__adit_locations)'
complete -c adit -n "$seen config" -l elsewhere -d 'the file is for another machine'
complete -c adit -n "$seen events" -l replay -d 'begin with the last events'
complete -c adit -n "$seen keygen" -l token -d 'make an access token'
complete -c adit -n "$seen policy" -l signature -r -F -d 'signature of the script'
complete -c adit -n "$seen policy" -l confirm-s -x -d 'seconds of probation'
complete -c adit -n "$seen policy" -l no-wait -d 'do not wait for its end'
complete -c adit -n "$seen policy" -l control -d 'the control module'
