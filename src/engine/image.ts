/** An image as the engine sees it: an OCI image config and the names that point to it. */

export interface Image {
  /** `sha256:...`, the digest of the config. */
  readonly id: string;
  /** `busybox:latest`, ...; empty for a dangling image. */
  readonly references: readonly string[];
  readonly createdNs: bigint;
  /** Unpacked bytes. */
  readonly size: number;
  readonly architecture: string;
  readonly os: string;
  readonly comment: string;
  /** Who committed it, when that was said. */
  readonly author?: string;
  /** DiffIDs of the layers, lowest first. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** What a container inherits unless told otherwise (OCI image-spec config). */
export interface ImageConfig {
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `80/tcp` */
  readonly exposedPorts?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
  /** `ONBUILD` instructions and the like, kept for inspect. */
  readonly onBuild?: readonly string[];
}
