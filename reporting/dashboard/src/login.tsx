import { useState } from 'preact/hooks';
import { type Me, send } from './client.ts';
import { Logo } from './icons.tsx';

/** Trades an API key for a session cookie; the key itself is not kept in the browser. */
export function Login({ fault, onLogin }: { fault: string; onLogin: (me: Me) => void }) {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(fault);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      onLogin(await send<Me>('POST', '/session', { body: { key: key.trim() } }));
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit} class="card">
        <h1>
          <Logo /> Evenkeel
        </h1>
        <p>Log in to see how your campaigns are delivering.</p>
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          required
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
          aria-describedby={problem === '' ? undefined : 'login-problem'}
          aria-invalid={problem !== ''}
        />
        {problem !== '' && (
          <p id="login-problem" class="fault" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Logging in …' : 'Log in'}
        </button>
      </form>
    </main>
  );
}
