/** The files behind the texts of an editor, and their addresses. Node only. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { longestSource } from "../frontend/index.ts";
import type { WorkspaceFiles } from "./workspace.ts";

/** Files of a workspace that are looked at; larger folders are left at that. */
const mostFiles = 2000;

/** Folders that hold no sources of their own. */
const skippedFolders = new Set(["node_modules", "dist", "build", "coverage"]);

export interface DiskFiles extends WorkspaceFiles {
  /** Path under which the address of a document is known. */
  readonly pathOf: (uri: string) => string;
  readonly uriOf: (path: string) => string;
  /** Looks the folders of the workspace through again when they are next asked for. */
  readonly rescan: () => void;
}

/**
 * @param libraryRoot  folder that holds `std/`
 * @param folders      folders of the workspace, as paths
 */
export function diskFiles(libraryRoot: string, folders: readonly string[]): DiskFiles {
  const root = withSlashes(libraryRoot).replace(/\/$/, "");
  let found: readonly string[] | undefined;
  const onDisk = (path: string) => (path.startsWith("std/") ? `${root}/${path}` : path);
  const known = (file: string) => (file.startsWith(`${root}/std/`) ? file.slice(root.length + 1) : file);
  return {
    pathOf: (uri) => {
      try {
        return uri.startsWith("file:") ? known(withSlashes(fileURLToPath(uri))) : uri;
      } catch {
        // An address of another machine, or one that is none: the document is known by it as it is.
        return uri;
      }
    },
    uriOf: (path) =>
      /^[a-z][a-z0-9+.-]+:/i.test(path) && !/^[a-z]:\//i.test(path) ? path : pathToFileURL(onDisk(path)).href,
    readFile: (path) => {
      try {
        const file = onDisk(path);
        return statSync(file).size > longestSource ? undefined : readFileSync(file, "utf8");
      } catch {
        return undefined;
      }
    },
    projectFiles: () => {
      found ??= folders
        .flatMap((folder) => sourcesBelow(withSlashes(folder)))
        .slice(0, mostFiles)
        .map(known);
      return found;
    },
    libraryFiles: () => sourcesBelow(`${root}/std`).map(known),
    rescan: () => {
      found = undefined;
    },
  };
}

const withSlashes = (path: string): string => path.split("\\").join("/");

/** .weft files below a folder, folders of tools and hidden ones left out. */
function sourcesBelow(folder: string): string[] {
  const files: string[] = [];
  const waiting = [folder];
  for (let current = waiting.pop(); current !== undefined && files.length < mostFiles; current = waiting.pop()) {
    try {
      for (const entry of readdirSync(current, { withFileTypes: true })) {
        const path = withSlashes(join(current, entry.name));
        if (entry.isDirectory() && !entry.name.startsWith(".") && !skippedFolders.has(entry.name)) waiting.push(path);
        else if (entry.isFile() && entry.name.endsWith(".weft")) files.push(path);
      }
    } catch {
      // A folder that may not be read has nothing to offer.
    }
  }
  return files.sort();
}
