const paths = {
  overview: 'M4 19V9m5.300 10V5m5.400 14v-7M20 19V8',
  reports: 'M5 4h14v16H5zM9 9h6M9 13h6M9 17h3',
  audiences:
    'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Zm-6 9c0-3.500 2.500-6 6-6s6 2.500 6 6m1-16a3.500 3.500 0 0 1 0 7m2 3c2 .8 3 3 3 6',
  files: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01',
  operations: 'M3 12h4l3-8 4 16 3-8h4',
  keys: 'M14 10a4 4 0 1 0-4 4l2 2h2v2h2v2h4v-4l-6-6Z',
  logout: 'M14 4h5v16h-5M10 8l-4 4 4 4m-4-4h9',
  plus: 'M12 5v14M5 12h14',
  bell: 'M6 16V11a6 6 0 1 1 12 0v5l2 2H4l2-2Zm4 4h4',
  back: 'M15 5l-7 7 7 7',
  download: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
} as const;
export type IconName = keyof typeof paths;

/** A line icon; decorative, so hidden from assistive technology. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0b5cad" />
      <path d="M5 18h22c-1.200 5-5.600 8-11 8S6.200 23 5 18Z" fill="#fff" />
      <path d="M15 5v11H8.500C9 11 11.500 7.500 15 5Zm2 2.500c3 2 5 5 5.500 8.500H17Z" fill="#9ed0ff" />
    </svg>
  );
}
