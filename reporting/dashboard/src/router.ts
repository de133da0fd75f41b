import { useEffect, useState } from 'preact/hooks';

/** The path of the page, following links and the back button. */
export function usePath(): string {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const update = (): void => setPath(location.pathname);
    const follow = (event: MouseEvent): void => {
      const link = (event.target as Element | null)?.closest?.('a');
      if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
        return;
      const inside =
        link.origin === location.origin && !link.target && !link.download && !link.pathname.startsWith('/api/');
      if (!inside) return;
      event.preventDefault();
      go(link.pathname + link.search);
    };
    addEventListener('popstate', update);
    document.addEventListener('click', follow);
    return () => {
      removeEventListener('popstate', update);
      document.removeEventListener('click', follow);
    };
  }, []);
  return path;
}

/** Goes to another page of the dashboard. */
export function go(path: string): void {
  history.pushState(null, '', path);
  dispatchEvent(new PopStateEvent('popstate'));
  scrollTo(0, 0);
}
