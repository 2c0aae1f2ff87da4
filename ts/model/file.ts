/** Who may read a file: permission bits and the user that it belongs to. */
export interface FileFacts {
  readonly mode: number;
  readonly owner: number;
}
