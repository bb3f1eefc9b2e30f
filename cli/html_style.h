/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The style of every page. Colours are named once for light and once for dark; signs never rest on colour alone. */
#ifndef CLI_HTML_STYLE_H
#define CLI_HTML_STYLE_H

static const char html_style[] =
	":root{--bg:#fff;--fg:#1b1f24;--dim:#5b6570;--line:#d5dae0;--soft:#f4f6f8;--link:#0b57a4;--hatch:#d9dee4;--fence:#9a5b00;--good:#1a7f37;"
	"--bad:#b3261e;--mark:#fff3c4}\n"
	"@media (prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e4e8ec;--dim:#9aa5b1;--line:#333b45;--soft:#1c2229;--link:#7cb7ff;"
	"--hatch:#2c353f;--fence:#e0a04a;--good:#5bd17f;--bad:#ff8a80;--mark:#4a3d10}}\n"
	"*{box-sizing:border-box}html{scroll-padding-top:3rem}\n"
	"body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif}\n"
	"main{max-width:1200px;margin:0 auto;padding:1rem 1.25rem 4rem}\n"
	"h1{font-size:1.6rem;margin:.5rem 0 .25rem}h2{font-size:1.2rem;margin:2.25rem 0 .5rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}"
	"h3{font-size:1rem;margin:1.25rem 0 .4rem;overflow-wrap:anywhere}\n"
	"p{margin:.4rem 0;max-width:52rem}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}\n"
	"a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.5rem 0}\n"
	"code,pre,.v{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
	".wide{overflow-x:auto;border:1px solid var(--line);border-radius:6px}\n"
	"table{border-collapse:separate;border-spacing:0;width:100%;font-size:.92rem}\n"
	"th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}\n"
	"tr:last-child>*{border-bottom:0}thead th{background:var(--soft);position:sticky;top:0;z-index:1;white-space:normal;vertical-align:bottom;min-width:4.5rem}\n"
	"tbody th{font-weight:400;background:var(--bg);position:sticky;left:0;z-index:1}thead th:first-child{left:0;z-index:2}\n"
	"tbody tr:hover>*{background-color:var(--soft)}td.people{white-space:normal;min-width:16rem}\n"
	".v{letter-spacing:.04em}.none{color:var(--dim)}.tag{font-size:.75rem;color:var(--dim);border:1px solid var(--line);border-radius:3px;"
	"padding:0 .3rem;margin-left:.3rem;background:var(--bg);white-space:nowrap;display:inline-block}\n"
	".zone>td,.swatch.zone,.step.zone{background-image:repeating-linear-gradient(135deg,transparent 0 5px,var(--hatch) 5px 7px)}\n"
	".fenced>th{border-left:3px solid var(--fence)}.fenced>:last-child{border-right:3px solid var(--fence)}"
	".fence-top>*{border-top:3px solid var(--fence)}.fence-end>*{border-bottom:3px solid var(--fence)!important}\n"
	".swatch{display:inline-block;width:2.2rem;height:1.1rem;border:1px solid var(--line);vertical-align:middle;margin-right:.35rem}"
	".swatch.fenced{border:3px solid var(--fence)}.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;font-size:.88rem;margin:.6rem 0}\n"
	".strip{display:flex;align-items:stretch;gap:.4rem;flex-wrap:wrap;margin:.6rem 0 1rem}.strip .step{border:1px solid var(--line);border-radius:6px;"
	"padding:.5rem .8rem;min-width:11rem;flex:1 1 11rem}.strip .arrow{align-self:center;font-size:1.4rem;color:var(--dim)}"
	".strip h4{margin:0 0 .3rem;font-size:.95rem}.strip dl{display:grid;grid-template-columns:1fr auto;gap:.1rem .8rem;margin:0;font-size:.88rem}"
	".strip dd{margin:0}.strip dt{overflow-wrap:anywhere}\n"
	"pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.5rem 0;overflow-x:auto;font-size:.82rem;line-height:1.5;margin:0}"
	"pre span{display:block;padding:0 .8rem;white-space:pre}pre i{display:inline-block;width:3.2em;color:var(--dim);font-style:normal;user-select:none}"
	"pre span:target{background:var(--mark)}\n"
	"@media (max-width:600px){main{padding:.6rem .7rem 3rem}h1{font-size:1.3rem}.strip{flex-direction:column}.strip .step{flex:none}.strip .arrow{transform:rotate(90deg)}"
	"tbody th{white-space:normal;min-width:42vw;max-width:50vw;overflow-wrap:anywhere}thead th{position:static}thead th:first-child{position:sticky}}\n"
	"@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--soft:#fff;--link:#000;--hatch:#ccc;--fence:#000}body{font-size:10pt}"
	"main{max-width:none;padding:0}.wide{overflow:visible;border:0}table{font-size:8.5pt}thead th,tbody th{position:static}nav{display:none}"
	"tr,.strip,h2,h3{break-inside:avoid;break-after:auto}h2,h3{break-after:avoid}pre{overflow:visible}pre span{white-space:pre-wrap}"
	"*{-webkit-print-color-adjust:exact;print-color-adjust:exact}@page{margin:14mm}}\n";

#endif
