# SPDX-License-Identifier: GPL-3.0-or-later
# Written by "zddc help --completion bash" from cli/cmds.def
_zddc() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'init explain why access whoami check fmt test diff status verify report show-defaults show-schema seal accept mark hold withdraw identity elevate with audit history restore help' -- "$cur")
        return
    fi
    case $prev in
    --op) mapfile -t COMPREPLY < <(compgen -W 'enter statdir list stat read readlink getxattr create mkdir symlink write truncate fallocate utimens chmod chown setxattr removexattr unlink rmdir rename rename-from rename-to rename-over link mknod' -- "$cur"); return ;;
    --completion) mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$cur"); return ;;
    esac
    case $cur in
    -*) ;;
    *)  if [ "${COMP_WORDS[1]}" = help ]; then
            mapfile -t COMPREPLY < <(compgen -W 'init explain why access whoami check fmt test diff status verify report show-defaults show-schema seal accept mark hold withdraw identity elevate with audit history restore help' -- "$cur")
        else
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
        return ;;
    esac
    case ${COMP_WORDS[1]} in
    init) mapfile -t COMPREPLY < <(compgen -W '--json --help --here --admin' -- "$cur") ;;
    explain) mapfile -t COMPREPLY < <(compgen -W '--json --help --as --op --cache --groups --elevated --on --root --environment --provenance --risk --defaults --strict' -- "$cur") ;;
    why) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
    access) mapfile -t COMPREPLY < <(compgen -W '--json --help --on --root --matrix --csv --html --defaults --strict --who' -- "$cur") ;;
    whoami) mapfile -t COMPREPLY < <(compgen -W '--json --help --as --groups --root --defaults --strict' -- "$cur") ;;
    check) mapfile -t COMPREPLY < <(compgen -W '--json --help --root --defaults --strict' -- "$cur") ;;
    fmt) mapfile -t COMPREPLY < <(compgen -W '--json --help --check --write' -- "$cur") ;;
    test) mapfile -t COMPREPLY < <(compgen -W '--json --help --tree --coverage --defaults --strict' -- "$cur") ;;
    diff) mapfile -t COMPREPLY < <(compgen -W '--json --help --defaults --strict' -- "$cur") ;;
    status) mapfile -t COMPREPLY < <(compgen -W '--json --help --doctor' -- "$cur") ;;
    verify) mapfile -t COMPREPLY < <(compgen -W '--json --help --only --defaults --strict' -- "$cur") ;;
    report) mapfile -t COMPREPLY < <(compgen -W '--json --help --on --root --output --defaults --strict --since --path' -- "$cur") ;;
    show-defaults) mapfile -t COMPREPLY < <(compgen -W '--json --help --defaults' -- "$cur") ;;
    show-schema) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
    seal) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
    accept) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
    mark) mapfile -t COMPREPLY < <(compgen -W '--json --help --void' -- "$cur") ;;
    hold) mapfile -t COMPREPLY < <(compgen -W '--json --help --reason' -- "$cur") ;;
    withdraw) mapfile -t COMPREPLY < <(compgen -W '--json --help --reason --moved-to' -- "$cur") ;;
    identity) mapfile -t COMPREPLY < <(compgen -W '--json --help --heir --at' -- "$cur") ;;
    elevate) mapfile -t COMPREPLY < <(compgen -W '--json --help --provenance --risk --reason --for --end --at' -- "$cur") ;;
    with) mapfile -t COMPREPLY < <(compgen -W '--json --help --provenance --risk --at' -- "$cur") ;;
    audit) mapfile -t COMPREPLY < <(compgen -W '--json --help --reason --since --until --who --event --path --follow --checkpoint --key --chain' -- "$cur") ;;
    history) mapfile -t COMPREPLY < <(compgen -W '--json --help --diff' -- "$cur") ;;
    restore) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
    help) mapfile -t COMPREPLY < <(compgen -W '--json --help --man --completion' -- "$cur") ;;
    esac
}
complete -F _zddc zddc
