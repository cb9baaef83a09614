"""Completion scripts of `kubectl-snapshot`; `kubectl snapshot` is completed by kubectl's own.

Each script calls `kubectl-snapshot __complete` and reads cobra's format (completion/answer). None
evaluates words of the command line.
"""

from __future__ import annotations

BASH = r"""# Completion of kubectl-snapshot for bash: source <(kubectl-snapshot completion bash)
_kubectl_snapshot() {
    # Bash also splits words at = and :; join the parts that have no space between them.
    local rest=${COMP_LINE:0:COMP_POINT} words=() word gap i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=${rest%%[![:space:]]*}
        rest=${rest#"$gap"}
        word=${COMP_WORDS[i]:0:${#rest}}
        rest=${rest#"$word"}
        if [[ $i -eq 0 || -n $gap ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
    done

    local line lines=() directive
    while IFS= read -r line; do lines+=("$line"); done \
        < <("${words[0]/#\~\//$HOME/}" __complete "${words[@]:1}" 2>/dev/null)
    [[ ${#lines[@]} -gt 0 ]] || return
    directive=${lines[${#lines[@]} - 1]#:}
    unset "lines[${#lines[@]} - 1]"

    # Complete only the part after the flag's =, then after the last = or :, as bash expects.
    local current=${words[${#words[@]} - 1]} before candidate width=0
    [[ $current == -*=* ]] && current=${current#*=}
    before=${current%"${current##*[=:]}"}
    COMPREPLY=()
    for line in "${lines[@]}"; do
        candidate=${line%%$'\t'*}
        if [[ $candidate == "$current"* ]]; then
            COMPREPLY+=("${candidate#"$before"}${line#"$candidate"}")
            ((${#candidate} > width)) && width=${#candidate}
        fi
    done
    if ((${#COMPREPLY[@]} == 0)); then
        ((directive & 4)) || compopt -o default -o filenames
        return
    fi
    ((directive & 2)) && compopt -o nospace

    # Show descriptions in the list; insert the candidate without its description.
    for i in "${!COMPREPLY[@]}"; do
        candidate=${COMPREPLY[i]%%$'\t'*}
        if [[ ${#COMPREPLY[@]} -eq 1 ]]; then
            printf -v "COMPREPLY[i]" %q "$candidate"
        elif [[ $COMP_TYPE == 63 && ${COMPREPLY[i]} == *$'\t'* ]]; then
            printf -v line '%-*s  (%s)' "$width" "$candidate" "${COMPREPLY[i]#*$'\t'}"
            COMPREPLY[i]=${line:0:COLUMNS-2}
        else
            COMPREPLY[i]=$candidate
        fi
    done
}
complete -F _kubectl_snapshot kubectl-snapshot
"""

ZSH = r"""#compdef kubectl-snapshot
# Completion of kubectl-snapshot for zsh: source <(kubectl-snapshot completion zsh)
_kubectl_snapshot() {
    local -a lines candidates space
    local line directive
    local -a typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
    lines=("${(@f)$("$typed[1]" __complete "${(@)typed[2,-1]}" 2>/dev/null)}")
    directive=${lines[-1]#:}
    for line in "${(@)lines[1,-2]}"; do
        line=${line//:/\\:}
        candidates+=("${line/$'\t'/:}")
    done
    ((directive & 2)) && space=(-S '')
    # Complete only the part after the flag's =.
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    if ((${#candidates})); then
        _describe -t values value candidates $space
    elif ! ((directive & 4)); then
        _files
    fi
}
compdef _kubectl_snapshot kubectl-snapshot
"""

FISH = r"""# Completion of kubectl-snapshot for fish: kubectl-snapshot completion fish | source
function __kubectl_snapshot_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    set -l flag (string match -r -- '^-[^=]*=' "$current")
    if test (count $lines) -gt 1
        printf '%s\n' "$flag"$lines[1..-2]
    else if test "$lines[1]" = :0
        printf '%s\n' "$flag"(__fish_complete_path (string replace -- "$flag" '' "$current"))
    end
end
complete -c kubectl-snapshot -f -a '(__kubectl_snapshot_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
