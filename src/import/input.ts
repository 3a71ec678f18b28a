/** A file that is imported. */
export interface SourceFile {
  /** As the user named it, or as an include found it. */
  file: string;
  text: string;
}

/** What a configuration may refer to beyond its own text. */
export interface World {
  /** The absolute directory of the file that the user named. */
  directory: string;
  hostName: string;
  /** The environment of the import, which stands for that of the other supervisor. */
  env: Readonly<Record<string, string | undefined>>;
  processors: number;
}
