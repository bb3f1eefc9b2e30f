" SPDX-License-Identifier: GPL-3.0-or-later
" A policy file of a project archive is YAML.
autocmd BufRead,BufNewFile .zddc setfiletype yaml
