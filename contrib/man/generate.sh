#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# contrib/man/generate.sh [ZDDC]: writes zddc(1) and the completions again after a change of cli/cmds.def. A test compares them.
set -eu
cd "$(dirname "$0")/../.."
zddc=${1:-build/zddc}
"$zddc" help --man > contrib/man/zddc.1
"$zddc" help --completion bash > contrib/completions/zddc.bash
"$zddc" help --completion zsh > contrib/completions/_zddc
"$zddc" help --completion fish > contrib/completions/zddc.fish
