// SPDX-License-Identifier: GPL-3.0-or-later
// node try-language-server.mjs NODE_MODULES SCHEMA.json: asks the real yaml-language-server what an editor would ask it about a .zddc.
import {spawn} from 'node:child_process';
import {resolve} from 'node:path';

const [modules, schema] = process.argv.slice(2).map((p) => resolve(p));
const server = spawn(process.execPath, [modules + '/yaml-language-server/bin/yaml-language-server', '--stdio'], {stdio: ['pipe', 'pipe', 'inherit']});
const waiting = new Map();
const diagnostics = new Map();
let wake = () => {};
let buffer = Buffer.alloc(0);
let next = 1;
let passed = 0;
let failed = 0;

function write(message) {
    const body = JSON.stringify({jsonrpc: '2.0', ...message});
    server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function take(message) {
    if (message.method === 'textDocument/publishDiagnostics') {
        diagnostics.set(message.params.uri, message.params.diagnostics);
        wake();
    } else if (message.method === 'workspace/configuration') {
        const settings = {yaml: {schemas: {['file://' + schema]: ['.zddc', '**/.zddc']}, validate: true, hover: true, completion: true}};
        write({id: message.id, result: message.params.items.map((item) => settings[item.section] ?? {})});
    } else if (message.method && message.id !== undefined) {
        write({id: message.id, result: null});
    } else if (waiting.has(message.id)) {
        waiting.get(message.id)(message.result);
    }
}

server.stdout.on('data', (piece) => {
    buffer = Buffer.concat([buffer, piece]);
    for (;;) {
        const end = buffer.indexOf('\r\n\r\n');
        if (end < 0)
            return;
        const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
        if (buffer.length < end + 4 + length)
            return;
        const body = buffer.subarray(end + 4, end + 4 + length).toString();
        buffer = buffer.subarray(end + 4 + length);
        take(JSON.parse(body));
    }
});

function request(method, params) {
    const id = next++;
    write({id, method, params});
    return new Promise((done) => waiting.set(id, done));
}

function check(ok, name, detail) {
    ok ? passed++ : failed++;
    if (!ok)
        console.log('FAIL', name, JSON.stringify(detail));
}

let number = 0;
async function open(text) {
    const uri = `file:///tmp/place${number++}/.zddc`;
    write({method: 'textDocument/didOpen', params: {textDocument: {uri, languageId: 'yaml', version: 1, text}}});
    while (!diagnostics.has(uri))
        await new Promise((done) => { wake = done; });
    return uri;
}

await request('initialize', {processId: process.pid, rootUri: null, capabilities: {workspace: {configuration: true}, textDocument: {completion: {}, hover: {}}}});
write({method: 'initialized', params: {}});
write({method: 'workspace/didChangeConfiguration', params: {settings: {}}});
await new Promise((done) => setTimeout(done, 1000));

const clean = await open('title: x\nadmins: [a@b.c]\nacl:\n  permissions:\n    "*@b.c": rw\npaths:\n  "*":\n    worm: []\n    naming: enforce\n');
check(diagnostics.get(clean).length === 0, 'a clean policy has no complaint', diagnostics.get(clean));
for (const [text, line] of [['titel: x\n', 0], ['title: x\nacl:\n  permisions: {}\n', 2], ['paths:\n  x:\n    naming: strict\n', 2], ['acl:\n  permissions:\n    a@b.c: rx\n', 2]]) {
    const found = diagnostics.get(await open(text));
    check(found.length > 0 && found[0].range.start.line === line, 'a mistake is marked where it stands: ' + text, found);
}
const half = await open('title: x\nse\n');
const offered = await request('textDocument/completion', {textDocument: {uri: half}, position: {line: 1, character: 2}});
check(offered.items.some((item) => item.label === 'seal_grace'), 'keys are completed', offered.items.map((item) => item.label));
const told = await request('textDocument/hover', {textDocument: {uri: clean}, position: {line: 1, character: 2}});
check(JSON.stringify(told ?? '').includes('administrators of this directory'), 'keys are explained', told);
console.log(`${passed} passed, ${failed} failed`);
server.kill();
process.exit(failed ? 1 : 0);
