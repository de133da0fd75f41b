const WIDTH = 260;
const HEIGHT = 170;

/** Where a native ad is looked at, pixels: a picture over its lines of text. */
export const NATIVE = { w: 300, h: 320 } as const;

interface AdFrameProps {
  /** Of the API. */
  readonly path: string;
  readonly title: string;
  /** Pixels of the ad; without them it gets the frame. */
  readonly w?: number | undefined;
  readonly h?: number | undefined;
  /** The highest it may be shown, pixels. */
  readonly room?: number;
}

/** An ad as people see it, scaled to fit, in a frame that can not touch this page. */
export function AdFrame({ path, title, w = WIDTH, h = HEIGHT, room = HEIGHT }: AdFrameProps) {
  const scale = Math.min(1, WIDTH / w, room / h);
  return (
    <div class="stage">
      <div style={{ width: `${w * scale}px`, height: `${h * scale}px` }}>
        <iframe
          src={`/api/v1${path}`}
          title={title}
          sandbox="allow-scripts"
          loading="lazy"
          width={w}
          height={h}
          tabIndex={-1}
          style={{ transform: `scale(${scale})` }}
        />
      </div>
    </div>
  );
}
