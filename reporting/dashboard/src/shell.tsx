import type { ComponentChildren } from 'preact';
import { type Me, send } from './client.ts';
import { Icon, Logo } from './icons.tsx';
import { go } from './router.ts';

const pages = [
  { path: '/', label: 'Overview', icon: 'overview', operator: false },
  { path: '/reports', label: 'Reports', icon: 'reports', operator: false },
  { path: '/alerts', label: 'Alerts', icon: 'bell', operator: false },
  { path: '/audiences', label: 'Audiences', icon: 'audiences', operator: false },
  { path: '/ad-files', label: 'Files', icon: 'files', operator: false },
  { path: '/operations', label: 'Operations', icon: 'operations', operator: true },
  { path: '/keys', label: 'Access', icon: 'keys', operator: true },
] as const;

const roleNames = { operator: 'Operator', advertiser: 'Advertiser', read_only: 'Read only' } as const;

interface ShellProps {
  readonly me: Me;
  readonly path: string;
  readonly onLogout: () => void;
  readonly children: ComponentChildren;
}

/** The frame around every page: navigation, who is logged in, the page. */
export function Shell({ me, path, onLogout, children }: ShellProps) {
  const logout = async (): Promise<void> => {
    await send('DELETE', '/session').catch(() => undefined);
    onLogout();
    // Whoever logs in next may not have this page.
    go('/');
  };
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <aside class="side">
        <a class="brand" href="/">
          <Logo /> Evenkeel
        </a>
        <nav aria-label="Pages">
          {pages
            .filter((page) => !page.operator || me.role === 'operator')
            .map((page) => (
              <a key={page.path} href={page.path} aria-current={isCurrent(page.path, path) ? 'page' : undefined}>
                <Icon name={page.icon} /> <span>{page.label}</span>
              </a>
            ))}
        </nav>
        <a class="docs" href="/docs/" target="_blank" rel="noopener">
          API
        </a>
        <div class="who">
          <div>
            <strong>{me.name}</strong>
            <small>{roleNames[me.role]}</small>
          </div>
          <button type="button" class="quiet" onClick={logout} aria-label="Log out" title="Log out">
            <Icon name="logout" />
          </button>
        </div>
      </aside>
      <main id="main">{children}</main>
    </div>
  );
}

function isCurrent(page: string, path: string): boolean {
  return page === '/' ? path === '/' || path.startsWith('/campaigns') : path.startsWith(page);
}
