import { useEffect, useState } from 'preact/hooks';
import { get, type Me, send, session } from './client.ts';
import { Login } from './login.tsx';
import { Overview } from './overview.tsx';
import { usePath } from './router.ts';
import { Shell } from './shell.tsx';

type State = 'starting' | 'out' | Me;

/** Takes a key out of the address (`#key=…`), where a printed link may carry it, before anything else can see it. */
function takeKey(): string | null {
  const match = /^#key=(.+)$/.exec(location.hash);
  if (match === null) return null;
  history.replaceState(null, '', location.pathname + location.search);
  return decodeURIComponent(match[1]!);
}

export function App() {
  const [state, setState] = useState<State>('starting');
  const [fault, setFault] = useState('');
  const path = usePath();

  useEffect(() => {
    session.onEnd = () => setState('out');
    const key = takeKey();
    const start = key === null ? get<Me>('/me') : send<Me>('POST', '/session', { body: { key } });
    start.then(setState, (error: Error) => {
      if (key !== null) setFault(error.message);
      setState('out');
    });
  }, []);

  if (state === 'starting') return <div class="starting" role="status" aria-label="Loading" />;
  if (state === 'out') return <Login fault={fault} onLogin={setState} />;
  return (
    <Shell me={state} path={path} onLogout={() => setState('out')}>
      <Page path={path} />
    </Shell>
  );
}

function Page({ path }: { path: string }) {
  if (path === '/') return <Overview />;
  return (
    <section class="empty">
      <h1>There is no such page</h1>
      <p>
        <a href="/">Back to the overview</a>
      </p>
    </section>
  );
}
