#!/usr/bin/env node
// The npm compiler with the command line of the native one, as far as py-solc-x and forge use it.
//
//   solc.cjs --version
//   solc.cjs --standard-json [--base-path DIR] [--include-path DIR]... [--allow-paths DIRS] < input.json
//
// Sources that are not in the input are read below the base path or an include path, never from elsewhere. solcjs's
// own program cannot stand here: it prints a notice before the JSON and knows no --allow-paths.
"use strict";

const fs = require("fs");
const path = require("path");

// Said without loading the compiler (9 MB); checked against it whenever it is loaded.
const VERSION = "0.8.37+commit.f401782d";

function refuse(reason) {
  process.stderr.write(`Error: ${reason}\n`);
  process.exit(1);
}

function parse(args) {
  const options = { roots: [] };
  for (let i = 0; i < args.length; i++) {
    const [flag, inline] = args[i].split("=", 2);
    const value = () => inline ?? args[++i] ?? refuse(`${flag} needs a value`);
    if (flag === "--version") options.version = true;
    else if (flag === "--standard-json") options.standardJson = true;
    else if (flag === "--base-path" || flag === "--include-path") options.roots.push(path.resolve(value()));
    else if (flag === "--allow-paths") value();
    else if (flag !== "-") refuse(`unrecognised option '${flag}'`);
  }
  return options;
}

function reader(roots) {
  return (source) => {
    for (const root of roots) {
      const file = path.resolve(root, source);
      if (file.startsWith(root + path.sep) && fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: `File not found below the base path or an include path: ${source}` };
  };
}

function compile(roots) {
  const solc = require("solc");
  if (!solc.version().startsWith(VERSION)) refuse(`node_modules holds solc ${solc.version()}, not ${VERSION}: npm ci`);
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: reader(roots) }));
}

const options = parse(process.argv.slice(2));
if (options.version) process.stdout.write(`solc, the solidity compiler\nVersion: ${VERSION}.Emscripten.clang\n`);
else if (options.standardJson) compile(options.roots);
else refuse("only --version and --standard-json are answered");
