import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './theme.css';
import './parts.css';
import './shell.css';
import './overview.css';
import './campaign.css';
import './reports.css';
import './editor.css';
import { App } from './app.tsx';

render(<App />, document.getElementById('app')!);
